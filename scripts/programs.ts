// Programs that some tests need beside RabbitMQ and PostgreSQL: found on this machine, or installed where the project may.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstallPackages, installPackages } from './apt.mjs'

interface Wanted {
  program: string
  /** Debian's package of it. */
  package: string
  /** Why, for people. */
  needed: string
  macOS: string
}

/** The path of the program; missing, it is installed by apt-get as root on Debian or Ubuntu. */
export async function requireProgram(
  { program, package: name, needed, macOS }: Wanted,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<string> {
  const found = find(program)
  if (found !== undefined) return found
  if (!canInstallPackages())
    throw new Error(`${needed} Then run the same command again:
  Debian, Ubuntu: sudo apt-get install ${name} (as root the project does this by itself)
  macOS:          ${macOS}`)
  say(`Installing ${program}: apt-get install ${name} (once; its system service stays off) …`)
  await installPackages([name], { signal })
  const installed = find(program)
  if (installed === undefined) throw new Error(`apt-get installed ${name}, but ${program} was not found after that.`)
  return installed
}

function find(program: string): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const folders = [...path, '/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file))
}
