// Finds Go and the packages of its checksum database on this machine, and installs them where the project may.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { canInstallPackages, installPackages } from '../apt.mjs'

/** Where Debian keeps the sources of Go's packages. */
const GOPATH = '/usr/share/gocode'
const waysToInstall = `Go and its package golang.org/x/mod are needed for the independent verifier. Then run the same command again:
  Debian, Ubuntu: sudo apt-get install golang-go golang-golang-x-mod-dev (as root the project does this by itself)`

export interface Go {
  program: string
  /** Builds without a network, from what is installed. */
  environment: Record<string, string>
}

/** Missing, it is installed by apt-get as root on Debian or Ubuntu. */
export async function requireGo(say: (line: string) => void, signal?: AbortSignal): Promise<Go> {
  const found = findGo()
  if (found) return found
  if (!canInstallPackages()) throw new Error(waysToInstall)
  say('Installing Go: apt-get install golang-go golang-golang-x-mod-dev (once, about a minute) …')
  await installPackages(['golang-go', 'golang-golang-x-mod-dev'], { signal })
  const installed = findGo()
  if (!installed) throw new Error('apt-get installed golang-go, but it was not found after that.')
  return installed
}

function findGo(): Go | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter(Boolean), '/usr/bin']
  const program = folders.map((folder) => join(folder, 'go')).find((file) => existsSync(file))
  if (program === undefined || !existsSync(join(GOPATH, 'src/golang.org/x/mod/sumdb/tlog'))) return undefined
  return { program, environment: { GO111MODULE: 'off', GOPATH, GOFLAGS: '' } }
}
