// What tells two builds apart, and a whole one from a damaged one: checksums of the sources, and of what was built of them.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { workspacesIn } from './contents.mjs'

/** Not part of any build, and changed more often than the rest. */
const SKIPPED = new Set(['node_modules', 'test'])
const SEAL = 'checksum'

/**
 * Another one as soon as a file that goes into the build changes, a package, or Node.
 * @param {string} root
 */
export function checksumOfSources(root) {
  const files = [...workspacesIn(root), 'scripts'].flatMap((folder) => filesIn(root, folder)).filter(isSource)
  return checksumOf(root, ['package.json', 'package-lock.json', 'tsconfig.json', ...files]).slice(0, 16)
}

/** @param {string} path */
const isSource = (path) => /\.(ts|mjs|js|json|sql|hbs|html|css)$/.test(path)

/**
 * To be done last: what has no seal is not finished.
 * @param {string} folder
 */
export function seal(folder) {
  writeFileSync(join(folder, SEAL), checksumOf(folder, filesIn(folder)))
}

/**
 * Whether everything is as it was when it was sealed, to the letter.
 * @param {string} folder
 */
export function isWhole(folder) {
  const path = join(folder, SEAL)
  if (!existsSync(path)) return false
  const files = filesIn(folder).filter((file) => file !== SEAL)
  return readFileSync(path, 'utf8') === checksumOf(folder, files)
}

/**
 * @param {string} root
 * @param {string[]} paths from there
 */
function checksumOf(root, paths) {
  const hash = createHash('sha256').update(process.version)
  for (const path of paths.sort()) {
    const content = readFileSync(join(root, path))
    hash.update(`\n${path} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}

/**
 * @param {string} root
 * @param {string} [folder] below it
 * @returns {string[]} paths from the root
 */
function filesIn(root, folder = '') {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : filesIn(root, path)
    return entry.isFile() ? [path] : []
  })
}
