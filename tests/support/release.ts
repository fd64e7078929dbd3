// The last release, built from its sources, which are kept beside its contracts: what today's services run beside while they are
// upgraded, and go back to.
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { workspacesIn } from '../../scripts/building/contents.mjs'
import { type ServiceName, serviceNames } from './system.ts'

const run = promisify(execFile)
const ROOT = resolve(import.meta.dirname, '../..')
// A folder for each release. Its sources are what a build reads, without tests and words:
// git archive v0.1.0 -- package.json package-lock.json tsconfig.json shared '*-service' scripts ':!*/test/*' ':!*.md' | gzip -9n
const RELEASES = join(ROOT, 'tests/contracts/baseline')

export interface Release {
  /** Such as `v0.1.0`. */
  name: string
  servicesDir: string
  /** Those of today's that it has. */
  services: readonly ServiceName[]
  remove(): Promise<void>
}

export async function buildLastRelease(): Promise<Release> {
  const version = newestOf(await readdir(RELEASES))
  const name = `v${version}`
  await mkdir(join(ROOT, '.data'), { recursive: true })
  // Below the project, where the packages are found.
  const folder = await mkdtemp(join(ROOT, '.data', `${name}-`))
  const remove = () => rm(folder, { recursive: true, force: true })
  try {
    const sources = join(folder, 'sources')
    await mkdir(sources)
    await run('tar', ['-xzf', join(RELEASES, version, 'sources.tgz'), '-C', sources])
    const servicesDir = join(folder, 'build')
    await build(sources, servicesDir)
    const services = serviceNames.filter((noun) => existsSync(join(servicesDir, `${noun}-service`)))
    return { name, servicesDir, services, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

function newestOf(versions: string[]): string {
  const newest = versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1)
  if (newest === undefined) throw new Error(`no release in ${RELEASES}`)
  return newest
}

/** By its own build. Its services share its own `shared`; the packages of others are those that are installed here. */
async function build(sources: string, servicesDir: string): Promise<void> {
  const packages = join(sources, 'node_modules', '@orders')
  await mkdir(packages, { recursive: true })
  for (const workspace of workspacesIn(sources)) {
    await symlink(join(sources, workspace), join(packages, workspace))
    const own = join(ROOT, workspace, 'node_modules')
    if (existsSync(own)) await symlink(own, join(sources, workspace, 'node_modules'))
  }
  const program = `import { buildServices } from './scripts/building/services.mjs'; await buildServices(process.argv[1])`
  await run(process.execPath, ['--input-type=module', '--eval', program, servicesDir], { cwd: sources })
}
