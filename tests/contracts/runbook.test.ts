// docs/runbook.md is read when nobody has time to doubt it: each command on it is run, each page and each sentence that it names is there.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { OrderCreated, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { createMemoryBroker, eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { definitions } from '../../scripts/services/definitions.ts'
import { startInMemory } from '../../scripts/services/in-memory.ts'
import { paths, root } from '../architecture/source.ts'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const page = read('docs/runbook.md')
const unique = (words: string[]) => [...new Set(words)].sort()
const all = (pattern: RegExp) => unique([...page.matchAll(pattern)].map(([, found = '']) => found))

const asked = all(/\bcurl '?http:\/\/localhost:8085(\/[^\s'`]+)/g)
/** Those that name nothing in particular; the others are words of its usage. */
const commands = all(/npm run dead-letters -- ([a-z]+)/g)
const words = all(/`([a-z]+) ID`/g)
const shown = all(/`#\/([^`]*)`/g)
const routes = all(/`(?:GET|POST) (\/[^`]+)`/g)

const running = new Map<string, Awaited<ReturnType<typeof startInMemory>>>()
const audit = () => running.get('audit-service')?.url ?? ''

beforeAll(async () => {
  const broker = createMemoryBroker(topology)
  for (const definition of definitions.filter(({ name }) => /audit|payment/.test(name)))
    running.set(definition.name, await startInMemory(definition, { broker }))
  const data = { user: 'gayal', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
  const created = OrderCreated.of('123', new Date().toISOString(), data)
  await broker.connect('order-service').publish(encode(registry, created, 'order-service', {}))
  await eventually('the order is in the log', async () => (await fetch(`${audit()}/audit/orders/123`)).ok)
}, 60_000)
afterAll(async () => {
  for (const service of running.values()) await service.close()
})

it('what is judged is found', () => {
  expect([asked.length, commands, words, shown.length, routes]).toEqual([
    5,
    ['actions', 'list'],
    ['rehearse', 'replay', 'show'],
    5,
    ['/audit/gaps', '/audit/gaps/resay'],
  ])
})

describe('a question', () => {
  it.each(asked)('%s is answered', async (path) => {
    const answer = await fetch(audit() + path)
    expect([path, answer.status]).toEqual([path, 200])
  })

  it.each(routes)('%s is a route', async (path) => {
    const { paths: known } = (await (await fetch(`${audit()}/openapi.json`)).json()) as { paths: object }
    expect(Object.keys(known)).toContain(path)
  })
})

it.each(commands)(
  'npm run dead-letters -- %s does what it says',
  async (command) => {
    const { OPERATOR_TOKENS: _, ...inherited } = process.env
    const env = { ...inherited, PORT: new URL(audit()).port, NO_COLOR: '1' }
    const program = ['--import', 'tsx', join('scripts', 'dead-letters.ts'), command]
    // It rejects unless the command ends well.
    expect(await promisify(execFile)(process.execPath, program, { cwd: root, env })).toMatchObject({ stderr: '' })
  },
  60_000,
)

it('the other words of that command are those of its usage', () => {
  const usage = read('scripts/dead-letters.ts')
  expect(words.filter((word) => !usage.includes(`npm run dead-letters -- ${word} ID`))).toEqual([])
})

it.each(shown)('the console has the page #/%s', (path) => {
  const known = [...read('audit-service/console/app.js').matchAll(/^ {2,4}\[?\/\^(.*?)\$\/,/gm)].map(
    ([, pattern = '']) => new RegExp(`^${pattern}$`),
  )
  expect(known.length).toBeGreaterThan(8)
  expect(known.some((pattern) => pattern.test(path))).toBe(true)
})

it('what it quotes is what is said', () => {
  const code = paths
    .filter((path) => /^(shared|scripts|[a-z]+-service)\/.*\.(ts|js)$/.test(path))
    .map(read)
    .join('\n')
  for (const quoted of ['the database is back: consumers resume', 'No failed messages.', 'was not followed by'])
    expect([quoted, page.includes(quoted), code.includes(quoted)]).toEqual([quoted, true, true])
  for (const part of [
    'broker: ',
    'database: ',
    'is refused',
    'messages wait in the outbox',
    'does not answer',
    'its circuit breaker is open',
    'for a newer version',
  ])
    expect([part, page.includes(part), code.includes(part)]).toEqual([part, true, true])
})
