// Builds the services as plain JavaScript in a folder of their own, a workspace that needs no TypeScript to run.
//
// Each entry and the packages it imports become a few files, since Node takes most of a start for finding and reading
// hundreds of small ones.
import { readdirSync, readFileSync } from 'node:fs'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, stop } from 'esbuild'
import { entries, INSTALLED_BESIDE, isReadAtRunTime, ROOT, TEMPLATE_CHECK, workspacesIn } from './contents.mjs'

/** @typedef {import('esbuild').Plugin} Plugin */

/**
 * Builds into a folder below the project's, which is emptied first.
 * @param {string} folder
 */
export async function buildServices(folder) {
  const out = resolve(ROOT, folder)
  await rm(out, { recursive: true, force: true })
  await Promise.all([compile(out), copyFiles(out)])
  await checkTemplates(out)
}

/** @param {string} out */
async function compile(out) {
  try {
    await build({
      absWorkingDir: ROOT,
      entryPoints: entries(),
      outdir: out,
      outbase: '.',
      chunkNames: 'chunks/[hash]',
      bundle: true,
      // Less to read at each start. With node --enable-source-maps a stack trace shows the sources.
      minifyWhitespace: true,
      minifySyntax: true,
      splitting: true,
      platform: 'node',
      target: 'node20',
      format: 'esm',
      external: INSTALLED_BESIDE,
      banner: { js: COMMON_JS },
      sourcemap: true,
      sourcesContent: false,
      plugins: [ownFolders, packages],
      logLevel: 'warning',
    })
  } finally {
    // Its process would live, and hold its memory, as long as this one.
    await stop()
  }
}

/** @param {string} out */
async function copyFiles(out) {
  const folders = workspacesIn(ROOT)
  const manifests = folders.map((folder) => join(folder, 'package.json'))
  const read = folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter(isReadAtRunTime)
      .map((path) => join(folder, path)),
  )
  for (const path of ['package-lock.json', ...manifests, ...read]) await cp(join(ROOT, path), join(out, path))
  // The scripts are about the sources.
  const { scripts: _, ...manifest } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'))
  await writeFile(join(out, 'package.json'), JSON.stringify(manifest, undefined, 2))
}

/** What packages written for CommonJS expect to find. */
const COMMON_JS = `import { createRequire as requireFrom } from 'node:module'
const require = requireFrom(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname`

/**
 * What looks for files beside itself is built one folder deep, and finds them where they are copied to.
 * @type {Plugin}
 */
const ownFolders = {
  name: 'own folders',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => {
      const folder = JSON.stringify(`/../${relative(ROOT, dirname(path))}`)
      const text = readFileSync(path, 'utf8')
      return { loader: 'ts', contents: text.replaceAll('import.meta.dirname', `(import.meta.dirname + ${folder})`) }
    })
  },
}

/**
 * Node reads a source map whole, at start as soon as anybody asks an error for its stack. So it has our own lines, and of a
 * package only which file it was.
 * @type {Plugin}
 */
const packages = {
  name: 'packages',
  setup({ onLoad }) {
    onLoad({ filter: /node_modules\/.*\.[cm]?js$/ }, ({ path }) => {
      return { loader: 'js', contents: `${readFileSync(path, 'utf8')}\n${fileOnly(path)}` }
    })
  },
}

/** @param {string} path */
function fileOnly(path) {
  const map = JSON.stringify({ version: 3, sources: [path], mappings: 'AAAA' })
  return `//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}`
}

/**
 * Spares each start what costs it more than all the rest; a faulty template is told by the start.
 * @param {string} out
 */
async function checkTemplates(out) {
  const built = pathToFileURL(join(out, TEMPLATE_CHECK.replace(/\.ts$/, '.js'))).href
  const { noteChecked } = await import(built)
  noteChecked(join(out, dirname(dirname(TEMPLATE_CHECK))))
}
