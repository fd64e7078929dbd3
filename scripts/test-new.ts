// `npm run test:new`: makes a service, and a provider of each channel, in a copy of this tree, as a newcomer would, and sees
// everything green with them. The copy is thrown away.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { workspacesIn } from './building/contents.mjs'
import { generated } from './generate/files.ts'
import { start, stop } from './processes/child.ts'
import { interruption } from './processes/interruption.ts'

const NOUN = 'invoice'
const SAYS = 'invoice.issued'
/** Besides what is generated already: the list, and the lock that npm keeps of it. */
const SERVICE = [
  'shared/contracts/services.ts',
  'package-lock.json',
  `${NOUN}-service/`,
  `shared/contracts/${NOUN}.ts`,
  `docs/events/${NOUN}.md`,
]
/** One of each channel that has providers, of which one has a name of two words. */
const PROVIDERS = ['sms-acme', 'email-acme-mail', 'push-pigeon']
const TESTS = [
  `${NOUN}-service`,
  'notification-service',
  'tests/contracts',
  'tests/architecture',
  'tests/e2e/the-new-one.test.ts',
]

const interrupted = interruption()
const copy = await mkdtemp(join(tmpdir(), 'a-new-service-'))
try {
  await copyTree()
  await run('git', ['init', '--quiet'])
  await keep()
  await script('new.ts', 'service', NOUN, '--hears', 'order.paid', '--says', SAYS)
  await onlyChanged(SERVICE)
  for (const wanted of PROVIDERS) {
    await keep()
    await script('new.ts', 'channel', wanted)
    await onlyChanged(['notification-service/channels/added-settings.ts', ...filesOf(wanted)])
  }
  await script('check.ts')
  await writeStory()
  await script('test.ts', ...TESTS)
  console.log(`${NOUN}-service and ${PROVIDERS.join(', ')} were generated, and all tests pass with them`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
} finally {
  await rm(copy, { recursive: true, force: true })
}
process.exit()

/** What git knows or would take, with the packages that are installed here. */
async function copyTree(): Promise<void> {
  const listed = await start('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const paths = listed.stdout ? (await text(listed.stdout)).split('\0').filter((path) => path !== '') : []
  for (const path of paths) {
    await mkdir(dirname(join(copy, path)), { recursive: true })
    await cp(path, join(copy, path), { verbatimSymlinks: true }).catch(ignoreMissing)
  }
  const packages = join(copy, 'node_modules')
  await mkdir(join(packages, '@orders'), { recursive: true })
  // Each by itself: the project's own packages are those of the copy, and what is cached is its own.
  for (const name of await readdir('node_modules'))
    if (!['@orders', '.cache', '.vite', '.vite-temp'].includes(name))
      await symlink(resolve('node_modules', name), join(packages, name))
  for (const workspace of workspacesIn('.')) {
    await symlink(join('..', '..', workspace), join(packages, '@orders', workspace))
    const own = resolve(workspace, 'node_modules')
    if ((await readdir(own).catch(() => [])).length > 0) await symlink(own, join(copy, workspace, 'node_modules'))
  }
}

/** A file that was deleted and not yet committed is no part of the tree. */
function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}

/** What is there now is what the next change is compared with. */
async function keep(): Promise<void> {
  await run('git', ['add', '--all'])
  const by = ['-c', 'user.name=test', '-c', 'user.email=test@example.com']
  await run('git', [...by, 'commit', '--quiet', '--message=before'])
}

function filesOf(provider: string): string[] {
  const name = provider.slice(provider.indexOf('-') + 1)
  return [`channels/${name}-settings`, `channels/${name}`, `test/${name}.test`, `test/component/${name}.test`].map(
    (file) => `notification-service/${file}.ts`,
  )
}

/** What is made is one list and new files. */
async function onlyChanged(files: readonly string[]): Promise<void> {
  const status = await start('git', ['status', '--porcelain'], { cwd: copy, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = status.stdout ? (await text(status.stdout)).trimEnd().split('\n') : []
  const allowed = [...files, ...(await generated()).keys()]
  const others = lines
    .map((line) => line.slice(3))
    .filter((path) => !allowed.includes(path) && !path.endsWith('node_modules'))
  if (others.length > 0) throw new Error(`only one list and new files should change, but so did ${others.join(', ')}`)
}

async function writeStory(): Promise<void> {
  const template = await readFile(join('scripts', 'new', 'templates', 'story.test.ts.txt'), 'utf8')
  const path = join(copy, 'tests', 'e2e', 'the-new-one.test.ts')
  await writeFile(path, template.replaceAll('{says}', SAYS).replaceAll('{noun}', NOUN))
}

function script(name: string, ...args: string[]): Promise<void> {
  return run(process.execPath, [join('scripts', 'bootstrap.mjs'), join('scripts', name), ...args])
}

async function run(command: string, args: string[]): Promise<void> {
  const running = await start(command, args, { cwd: copy, stdio: 'inherit' })
  const end = () => void stop(running, 10_000)
  interrupted.addEventListener('abort', end, { once: true })
  const { code } = await running.exited
  interrupted.removeEventListener('abort', end)
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} failed in ${copy}`)
}
