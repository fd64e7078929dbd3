// Writes what is wanted: new files from the templates beside this one, and the one list that a service is part of.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { writeChannel } from './channel.ts'
import { filled, writeAll } from './files.ts'
import { writeProject } from './project.ts'
import { contractName, type Wish } from './wish.ts'

const TEMPLATES = join(import.meta.dirname, 'templates')
const SERVICES = 'shared/contracts/services.ts'
const LOCK = 'package-lock.json'

/** Returns the paths of what was written and is laid out by the formatter. */
export async function write(wish: Wish): Promise<string[]> {
  if (wish.kind === 'event') return writeEvent(wish)
  if (wish.kind === 'service') return writeService(wish)
  if (wish.kind === 'channel') return writeChannel(wish)
  // It has a layout of its own.
  await writeProject(wish.folder)
  return []
}

async function writeEvent({ type }: Extract<Wish, { kind: 'event' }>): Promise<string[]> {
  const path = `shared/contracts/${nounOf(type)}.ts`
  await writeFile(path, `${await readFile(path, 'utf8')}\n${eventText(type)}`)
  return [path]
}

async function writeService({ noun, hears, says }: Extract<Wish, { kind: 'service' }>): Promise<string[]> {
  const words = {
    noun,
    Noun: contractName(noun),
    says,
    Says: contractName(says),
    verb: says.slice(noun.length + 1),
    event: eventText(says),
    hears: hears.map(({ type }) => type).join(', '),
    Hears: hears.map(({ contract }) => contract).join(', '),
    hearsCode: hears.map(({ type }) => `\`${type}\``).join(', '),
    awaited: hears.map(({ type }) => `'${type}'`).join(', '),
    handlers: hears.map((one) => handlerText(noun, one)).join('\n'),
    typebox: await versionOf('typebox'),
  }
  const templates = (await readdir(join(TEMPLATES, 'service'), { recursive: true })).filter((path) =>
    path.endsWith('.txt'),
  )
  const files = [
    { template: 'contracts.ts.txt', path: `shared/contracts/${noun}.ts` },
    ...templates.map((path) => ({
      template: join('service', path),
      path: join(`${noun}-service`, filled(path, words).slice(0, -'.txt'.length)),
    })),
  ]
  await writeAll(
    files.map(({ template, path }) => ({ path, template: join(TEMPLATES, template) })),
    words,
  )
  await enlist(noun)
  await lock(noun, words.typebox)
  return [SERVICES, ...files.map(({ path }) => path).filter((path) => /\.(ts|json)$/.test(path))]
}

/** At the end of the list, so that nobody's port changes. */
async function enlist(noun: string): Promise<void> {
  const text = await readFile(SERVICES, 'utf8')
  await writeFile(SERVICES, text.replace(/(export const services = \[[^\]]*?),?\s*\]/, `$1, '${noun}']`))
}

/** As `npm install` would write it, without asking any registry. */
async function lock(noun: string, typebox: string): Promise<void> {
  const folder = `${noun}-service`
  const { packages, ...rest } = JSON.parse(await readFile(LOCK, 'utf8'))
  const [root, ...others] = Object.entries({
    ...packages,
    [folder]: { name: `@orders/${folder}`, version: '0.1.0', dependencies: { '@orders/shared': '0.1.0', typebox } },
    [`node_modules/@orders/${folder}`]: { resolved: folder, link: true },
  })
  const sorted = others.toSorted(([one], [other]) => one.localeCompare(other, 'en'))
  const locked = { ...rest, packages: Object.fromEntries([...(root ? [root] : []), ...sorted]) }
  await writeFile(LOCK, `${JSON.stringify(locked, undefined, 2)}\n`)
}

function handlerText(noun: string, { type, contract }: { type: string; contract: string }): string {
  const decide = `decide${contractName(noun)}(subject, ${noun}, { heard: '${type}', now })`
  return `    on(${contract}, ${noun}s, { decide: ({ subject }, ${noun}, { now }) => ${decide} }),`
}

function eventText(type: string): string {
  const [noun, verb = ''] = type.split('.')
  return `export const ${contractName(type)} = event('${type}', {
  summary: 'The ${noun} was ${verb.replaceAll('_', ' ')}.',
  data: Type.Object({}),
})
`
}

async function versionOf(name: string): Promise<string> {
  const { packages } = JSON.parse(await readFile(LOCK, 'utf8'))
  return packages[`node_modules/${name}`].version
}

const nounOf = (type: string) => type.slice(0, type.indexOf('.'))
