// Builds the services as plain JavaScript in a folder of their own, a workspace that needs no TypeScript to run.
//
// Each entry and the packages it imports become a few files, since Node takes most of a start for finding and reading
// hundreds of small ones.
import { existsSync } from 'node:fs'
import { cp, readdir, readFile, rm } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { build, type Plugin } from 'esbuild'

/**
 * Machine code, CommonJS that is imported only where it is configured, or what tests replace to break a service on purpose.
 */
const KEPT_APART = ['better-sqlite3', 'ioredis', 'pg', 'amqplib']
/** Its code is in the build; the pages, scripts and pictures that it serves stay in its own folder. */
const SERVES_FILES = '@fastify/swagger-ui'
/** What has to be installed beside the build. */
export const INSTALLED_BESIDE = [...KEPT_APART, SERVES_FILES]
/** Besides the services' own. */
const COMMANDS = ['order-service/rebuild.ts', 'scripts/dead-letters.ts']
/** Plain JavaScript, started by its path. */
export const THREADS = ['notification-service/channels/smtp-thread.js']

/** Builds into `out`, which is emptied first. */
export async function buildServices(out: string): Promise<void> {
  await rm(out, { recursive: true, force: true })
  const folders = await workspaces()
  const mains = folders.map((folder) => join(folder, 'main.ts')).filter((path) => existsSync(path))
  await build({
    entryPoints: [...mains, ...COMMANDS, ...THREADS],
    outdir: out,
    outbase: '.',
    chunkNames: 'chunks/[hash]',
    bundle: true,
    // Less to read at each start. With node --enable-source-maps a stack trace shows the sources, and everything takes longer.
    minifyWhitespace: true,
    minifySyntax: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    external: KEPT_APART,
    banner: { js: COMMON_JS },
    sourcemap: true,
    sourcesContent: false,
    plugins: [ownFolders, packageFolder],
    logLevel: 'warning',
  })
  for (const folder of ['.', ...folders]) await cp(join(folder, 'package.json'), join(out, folder, 'package.json'))
  await cp('package-lock.json', join(out, 'package-lock.json'))
  for (const folder of folders) await copyFiles(folder, out)
}

/** What packages written for CommonJS expect to find. */
const COMMON_JS = `import { createRequire as requireFrom } from 'node:module'
const require = requireFrom(import.meta.url), __filename = import.meta.filename, __dirname = import.meta.dirname
const __resolve = require.resolve`

/** What looks for files beside itself is built one folder deep, and finds them where `copyFiles` puts them. */
const ownFolders: Plugin = {
  name: 'own folders',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const folder = JSON.stringify(`/../${relative('.', dirname(path))}`)
      const text = await readFile(path, 'utf8')
      return { loader: 'ts', contents: text.replaceAll('import.meta.dirname', `(import.meta.dirname + ${folder})`) }
    })
  },
}

const packageFolder: Plugin = {
  name: 'folder of a package that serves files',
  setup({ onLoad }) {
    onLoad({ filter: new RegExp(`node_modules/${SERVES_FILES}/.*\\.js$`) }, async ({ path }) => {
      const [, inside = ''] = path.split(`${SERVES_FILES}/`)
      const folder = `(__resolve('${SERVES_FILES}/package.json') + '/../${dirname(inside)}')`
      return { loader: 'js', contents: (await readFile(path, 'utf8')).replaceAll('__dirname', folder) }
    })
  },
}

async function workspaces(): Promise<string[]> {
  return (JSON.parse(await readFile('package.json', 'utf8')) as { workspaces: string[] }).workspaces
}

/** Migrations, templates and the console's page: what the compiled code reads at run time. */
export function isReadAtRunTime(path: string): boolean {
  return /\.(sql|hbs)$|(^|\/)templates\/[\w./-]+\.json$|(^|\/)console\/[\w.-]+\.(html|css|js)$/.test(path)
}

async function copyFiles(folder: string, out: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true }))
    if (isReadAtRunTime(entry)) await cp(join(folder, entry), join(out, folder, entry))
}
