// What a build is made of. Plain JavaScript like all of this folder: it runs before anything is compiled.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The project's folder, which all paths here begin at. */
export const ROOT = dirname(dirname(import.meta.dirname))

/**
 * What has to be installed beside the build: machine code, what is loaded only where it is configured or when somebody asks for
 * it, what tests replace to break a service on purpose, what an SDK beside it must
 * share, or what is for browsers.
 */
export const INSTALLED_BESIDE = [
  'better-sqlite3',
  'ioredis',
  'pg',
  '@fastify/swagger',
  '@fastify/swagger-ui',
  '@opentelemetry/api',
  'amqplib',
  'htm',
  'uplot',
]
/** Besides the services' own. */
const COMMANDS = [
  'order-service/rebuild.ts',
  'scripts/archive.ts',
  'scripts/backup.ts',
  'scripts/dead-letters.ts',
  'scripts/heal.ts',
  'scripts/restore.ts',
  'scripts/start.ts',
]
/** Plain JavaScript, started by its path. */
export const THREADS = ['notification-service/channels/smtp-thread.js']
/** Run once for each build, by the build itself. */
export const TEMPLATE_CHECK = 'notification-service/rendering/checked.ts'

/** Every file that is run by its path. */
export function entries() {
  const mains = workspacesIn(ROOT).map((folder) => join(folder, 'main.ts'))
  return [...mains.filter((path) => existsSync(join(ROOT, path))), ...COMMANDS, ...THREADS, TEMPLATE_CHECK]
}

/**
 * The folders of the services, and of what they share: npm's patterns, of which only a leading `*` is used here.
 * @param {string} root
 */
export function workspacesIn(root) {
  /** @type {{ workspaces: string[] }} */
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folders = readdirSync(root).sort()
  return manifest.workspaces.flatMap((pattern) =>
    pattern.startsWith('*') ? folders.filter((name) => name.endsWith(pattern.slice(1))) : [pattern],
  )
}

/**
 * Migrations, templates, the console's pages and the documents' examples: what the compiled code reads at run time.
 * @param {string} path
 */
export function isReadAtRunTime(path) {
  return /\.(sql|hbs)$|(^|\/)examples\.json$|(^|\/)templates\/[\w./-]+\.json$|(^|\/)console\/[\w./-]+\.(html|css|js)$/.test(
    path,
  )
}
