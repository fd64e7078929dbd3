// The build that runs on this machine, by `npm start` and its like: made once, and again when a source file has changed.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import { basename, join } from 'node:path'
import { checksumOfSources, isWhole, seal } from './checksums.mjs'
import { ROOT } from './contents.mjs'

/**
 * What is built of what, where; tests have their own.
 * @typedef {{ root: string, cache: string, build: (folder: string) => Promise<void> }} Project
 * @type {Project}
 */
const OURS = {
  root: ROOT,
  // Beside the packages, which a build fits, and where it finds those that are kept apart.
  cache: join(ROOT, 'node_modules', '.cache', 'services'),
  // Loading the compiler takes time that only those spend who need it.
  build: async (folder) => (await import('./services.mjs')).buildServices(folder),
}

const UNFINISHED = 'unfinished-'
/** Some may still run: a service goes on loading from the build that it was started from. */
const BUILDS_KEPT = 10
const UNFINISHED_KEPT_MS = 3_600_000
const TRIES_MAX = 3

/**
 * A build of the sources as they are now, checked to the letter. Several may ask at once; each is told of a whole one.
 * @param {(line: string) => void} say gets one line if it has to be made
 * @param {Project} [project]
 * @returns {Promise<string>} its folder
 * @throws an Error if the sources cannot be built
 */
export async function currentBuild(say, project = OURS) {
  for (let attempt = 1; attempt <= TRIES_MAX; attempt++) {
    const checksum = checksumOfSources(project.root)
    const folder = join(project.cache, checksum)
    if (isWhole(folder)) {
      const now = new Date()
      utimesSync(folder, now, now)
      return folder
    }
    say('Compiling the services (once for each change of a source file) …')
    await make(folder, project)
  }
  throw new Error('The sources changed while they were compiled, or the compiled files disappeared from the disk.')
}

/**
 * Builds apart and then gives the build its name in one step, so that whatever has a name is finished.
 * @param {string} folder named by the checksum of the sources
 * @param {Project} project
 */
async function make(folder, { root, cache, build }) {
  mkdirSync(cache, { recursive: true })
  removeOld(cache)
  const own = mkdtempSync(join(cache, UNFINISHED))
  try {
    await build(own)
    seal(own)
    // Somebody may have saved a source file meanwhile.
    if (checksumOfSources(root) === basename(folder)) put(own, folder)
  } finally {
    rmSync(own, { recursive: true, force: true })
  }
}

/**
 * @param {string} own
 * @param {string} folder
 */
function put(own, folder) {
  // Another start may have been quicker, and runs from it already.
  if (isWhole(folder)) return
  rmSync(folder, { recursive: true, force: true })
  try {
    renameSync(own, folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

/** @param {string} cache */
function removeOld(cache) {
  const found = readdirSync(cache).map((name) => {
    const path = join(cache, name)
    // Another start may just have finished what it built, or removed what is old.
    const usedMs = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
    return { path, usedMs, isFinished: !name.startsWith(UNFINISHED) }
  })
  const builds = found.filter(({ isFinished }) => isFinished).sort((a, b) => b.usedMs - a.usedMs)
  const abandoned = found.filter((one) => !one.isFinished && Date.now() - one.usedMs > UNFINISHED_KEPT_MS)
  for (const { path } of [...builds.slice(BUILDS_KEPT - 1), ...abandoned])
    rmSync(path, { recursive: true, force: true })
}
