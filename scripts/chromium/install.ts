// Finds Chromium on this machine, and installs it where the project may.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstallPackages, installPackages } from '../apt.mjs'

const waysToInstall = `Chromium must be installed here, for the tests of the operator console. Then run the same command again:
  Debian:  sudo apt-get install chromium (as root the project does this by itself)
  others:  any Chromium or Chrome; name its program in CHROMIUM`

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The program; CHROMIUM names it where it is not on the path. */
export function findChromium(): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const paths = folders.flatMap((folder) => names.map((name) => join(folder, name)))
  return [process.env.CHROMIUM ?? '', ...paths].find((path) => path !== '' && existsSync(path))
}

/**
 * The program; missing, it is installed by apt-get as root on Debian.
 * @throws an Error with the ways to install it where that is not possible
 */
export async function requireChromium(say: (line: string) => void, signal?: AbortSignal): Promise<string> {
  const found = findChromium()
  if (found) return found
  if (!canInstallPackages()) throw new Error(waysToInstall)
  say('Installing Chromium: apt-get install chromium (once, about a minute) …')
  await installPackages(['chromium'], { signal })
  const installed = findChromium()
  if (!installed) throw new Error('apt-get installed chromium, but its program is not on the path.')
  return installed
}
