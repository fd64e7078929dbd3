// Finds Redis on this machine, and installs it where the project may.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstallPackages, installPackages } from '../apt.mjs'

const waysToInstall = `Redis is needed for the tests of the shared rate limit. Then run the same command again:
  Debian, Ubuntu: sudo apt-get install redis-server (as root the project does this by itself)
  macOS:          brew install redis`

/** The path of redis-server; missing, it is installed by apt-get as root on Debian or Ubuntu. */
export async function requireRedis(say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const found = findRedis()
  if (found !== undefined) return found
  if (!canInstallPackages()) throw new Error(waysToInstall)
  say('Installing Redis: apt-get install redis-server (once, some seconds; its system service stays off) …')
  await installPackages(['redis-server'], { signal })
  const installed = findRedis()
  if (installed === undefined) throw new Error('apt-get installed redis-server, but it is not where it should be.')
  return installed
}

function findRedis(): string | undefined {
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const folders = [...path, '/usr/bin', '/opt/homebrew/bin', '/usr/local/bin']
  return folders.map((folder) => join(folder, 'redis-server')).find((file) => existsSync(file))
}
