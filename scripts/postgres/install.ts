// Finds PostgreSQL on this machine, and installs it where the project may.
import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstallPackages, installPackages } from '../apt.mjs'
import { capture } from '../processes/child.ts'

const waysToInstall = `PostgreSQL must be installed here, for a server that can be stopped and killed. Then run the same command again:
  Debian, Ubuntu: sudo apt-get install postgresql (as root the project does this by itself)
  macOS:          brew install postgresql`

/** The folder with initdb and postgres: Debian keeps them off the path, one folder for each version; the newest wins. */
export function findPostgres(): string | undefined {
  const versions = '/usr/lib/postgresql'
  const debian = existsSync(versions)
    ? readdirSync(versions)
        .sort((one, other) => Number(other) - Number(one))
        .map((version) => join(versions, version, 'bin'))
    : []
  const path = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const folders = [...debian, '/opt/homebrew/opt/postgresql/bin', '/usr/local/opt/postgresql/bin', ...path]
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')))
}

/**
 * The folder of the installed PostgreSQL's programs; missing, it is installed by apt-get as root on Debian or Ubuntu.
 * @throws an Error with the ways to install it where that is not possible
 */
export async function requirePostgres(say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const found = findPostgres()
  if (found) return found
  if (!canInstallPackages()) throw new Error(waysToInstall)
  say('Installing PostgreSQL: apt-get install postgresql (once, about a minute; its system service stays off) …')
  await installPackages(['postgresql'], { signal })
  // The package enables its service for the next boot, where it would take port 5432.
  if (existsSync('/run/systemd/system')) await capture('systemctl', ['disable', 'postgresql'])
  const installed = findPostgres()
  if (!installed) throw new Error('apt-get installed postgresql, but its programs were not found after that.')
  return installed
}
