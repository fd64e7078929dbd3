// Makes every npm script one command on a fresh clone: installs what is missing, then runs a TypeScript file in this
// same process, so that signals and exit code are the script's own: as it was compiled the last time, if it is part of the
// build, else compiled while it is loaded. Plain JavaScript: nothing is installed yet.
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { canInstallPackages, installPackages } from './apt.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
// Compiled modules fit one Node ABI only; this notes for which one they were installed.
const abiPath = join(root, 'node_modules', '.node-abi')

const [script, ...args] = process.argv.slice(2)
let path = resolve(root, script ?? '')
try {
  await prepare()
  path = await runnable(path)
} catch (error) {
  // The user can put right what goes wrong here, and no stack tells more about it.
  console.error(error instanceof Error ? error.message : error)
  process.exit(1)
}
process.argv = [process.execPath, path, ...args]
// An error then names the lines of the TypeScript.
process.setSourceMapsEnabled(true)
await import(pathToFileURL(path).href)

async function prepare() {
  requireNode()
  if (!script) throw new Error('Usage: node scripts/bootstrap.mjs <script.ts> [arguments]')
  if (!dependenciesMatchLock()) await installDependencies()
  else if (abiChanged()) await rebuildForThisNode()
}

/**
 * @param {string} path of a TypeScript file
 * @returns {Promise<string>} what Node can run in its place
 */
async function runnable(path) {
  const { entries } = await import('./building/contents.mjs')
  const entry = entries().find((one) => resolve(root, one) === path)
  if (entry !== undefined) {
    const { currentBuild } = await import('./building/cache.mjs')
    return join(await currentBuild(console.error), entry.replace(/\.ts$/, '.js'))
  }
  const { register } = await import('tsx/esm/api')
  register()
  return path
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 20 || (major === 20 && minor >= 19)) return
  throw new Error(`Node 20.19 or later is needed; this is ${process.version}. Get it from https://nodejs.org.`)
}

/** Compares what npm says it installed with the lock itself: file times mean nothing after a git checkout. */
function dependenciesMatchLock() {
  const installedPath = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedPath)) return false
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages
  const locked = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  return Object.keys(locked).every((path) => {
    const want = locked[path]
    const have = installed[path]
    // The project's own folders lie here already. Optional packages are for other platforms unless they are there.
    if (!path.includes('node_modules/') || (!have && (want.optional || want.devOptional))) return true
    return have?.version === want.version && have?.integrity === want.integrity
  })
}

function abiChanged() {
  return existsSync(abiPath) && readFileSync(abiPath, 'utf8') !== process.versions.modules
}

async function installDependencies() {
  // better-sqlite3 has no prebuilt file for Node 20, so that npm compiles it there.
  if (process.versions.node.startsWith('20.')) await requireBuildTools()
  console.error('Installing the dependencies with npm ci (once; compiling SQLite takes a minute or two on Node 20) …')
  // NODE_ENV=production would leave out the tools that run the scripts.
  const npmCi = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']
  let code = await npm(npmCi)
  if (code !== 0 && missingBuildTools().length > 0) {
    // Elsewhere a prebuilt file is fetched; where that fails too, the compiler is the way left.
    await requireBuildTools()
    code = await npm(npmCi)
  }
  if (code !== 0) throw new Error('npm ci failed; its messages above say why. Then run the same command again.')
  writeFileSync(abiPath, process.versions.modules)
}

async function rebuildForThisNode() {
  console.error(`Node has changed to ${process.version}: rebuilding SQLite for it …`)
  if (process.versions.node.startsWith('20.')) await requireBuildTools()
  const code = await npm(['rebuild', 'better-sqlite3', '--loglevel=error'])
  if (code !== 0) throw new Error('npm rebuild better-sqlite3 failed. Delete node_modules and run the command again.')
  writeFileSync(abiPath, process.versions.modules)
}

function missingBuildTools() {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return ['python3', 'make', 'g++'].filter((tool) => !folders.some((folder) => existsSync(join(folder, tool))))
}

async function requireBuildTools() {
  const missing = missingBuildTools()
  if (missing.length === 0) return
  if (canInstallPackages()) {
    console.error(`Installing ${missing.join(', ')} with apt-get: on this Node, npm compiles SQLite …`)
    return await installPackages(missing)
  }
  throw new Error(
    `npm compiles SQLite on this Node (${process.version}) and needs ${missing.join(', ')}. Install them, or use Node 22:
  Debian, Ubuntu: sudo apt-get install -y python3 make g++
  Fedora:         sudo dnf install -y python3 make gcc-c++
  macOS:          xcode-select --install`,
  )
}

/**
 * Runs npm in the foreground, with this Node; a signal for this process is passed on and then takes its usual effect.
 * @param {string[]} args
 * @returns {Promise<number | null>} the exit code
 */
function npm(args) {
  const own = process.env.npm_execpath
  const [command, first] = own?.endsWith('.js') ? [process.execPath, [own]] : ['npm', []]
  const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  const signals = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])
  const forward = signals.map((name) => /** @type {const} */ ([name, () => child.kill(name)]))
  for (const [name, handler] of forward) process.on(name, handler)
  return new Promise((settle, reject) => {
    child.once('error', () => reject(new Error('npm was not found. It comes with Node: https://nodejs.org')))
    child.once('close', (code, signal) => {
      for (const [name, handler] of forward) process.off(name, handler)
      if (signal) process.kill(process.pid, signal)
      settle(code)
    })
  })
}
