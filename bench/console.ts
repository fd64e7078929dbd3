// How long an operator waits for the console's first page while the tables are full: each of its requests, and all of them at once, beside
// the same with empty tables.
import { insert, openDatabase, type Value } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { withChannel } from '../tests/support/vhost.ts'
import { grow } from './growing.ts'
import { placeSeeds, SEED_ORDERS } from './grown.ts'
import { median } from './numbers.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { type Site, type Stage, startAll, withSystem } from './stage.ts'

/** What `console/pages/now.js` asks at once, and then every three seconds. */
const FIRST_PAGE = [
  '/audit/gaps?limit=1',
  '/failed/groups',
  '/operations/services',
  '/operations/queues',
  '/audit/events?newest=true&limit=100&after=0',
]
/** The other pages that list what there is. */
const OTHERS = ['/failed?limit=50', '/failed/count', '/actions?limit=50', '/replays', '/audit/gaps?limit=100']
const ASKED_TIMES = 9
const CAUSES = 50
const AT_ONCE = 500
const TREE_MAX_MS = 600_000

export function measureConsole(all: Stage): Promise<Figure[]> {
  const stage = { ...all, settings: { ...all.settings, copies: 1 } }
  const { say, settings } = stage
  return withSink(({ url }) =>
    withSystem(stage, { environment: { SMTP_URL: url } }, async (site) => {
      const empty = await lookMs(site)
      await placeSeeds(site)
      await failOnce(site)
      await site.system.terminate('audit')
      say(`filling the audit's tables with ${settings.grown} orders and ${settings.failed} failed messages …`)
      await grow('audit', site, Math.ceil(settings.grown / SEED_ORDERS))
      await fillFailures(site, settings.failed)
      await follow(site)
      await startAll(site, ['audit'])
      await caughtUp(site)
      const grown = await lookMs(site)
      for (const [path, ms] of grown.paths)
        say(`GET ${path}: ${number(ms)} ms, with empty tables ${number(empty.paths.get(path) ?? 0)} ms`)
      const name = `the console's first page over ${settings.grown} orders and ${settings.failed} failed messages`
      return [sideBySide(name, 'ms', 'empty tables', [{ ours: grown.page, beside: empty.page }])]
    }),
  )
}

/** The medians: of each path, and of all that the first page asks at once. */
async function lookMs({ system }: Site) {
  const timed = async (work: () => Promise<unknown>) => {
    const ms: number[] = []
    for (let times = 0; times < ASKED_TIMES; times++) {
      const sentAt = performance.now()
      await work()
      ms.push(performance.now() - sentAt)
    }
    return median(ms)
  }
  const get = (path: string) => system.get(path, 'audit')
  const paths = new Map<string, number>()
  for (const path of [...FIRST_PAGE, ...OTHERS]) paths.set(path, await timed(() => get(path)))
  return { paths, page: await timed(() => Promise.all(FIRST_PAGE.map(get))) }
}

async function failOnce({ system, amqpUrl }: Site): Promise<void> {
  await withChannel(amqpUrl, async (channel) => {
    channel.sendToQueue('payment.queue', Buffer.from('no JSON at all'), { persistent: true })
  })
  await eventually(
    'it has failed',
    async () => (await system.get<{ count: number }>('/failed/count', 'audit')).count === 1,
  )
}

/** What the orders wait for is known: nothing, since they have ended. It would be read from their events, for many minutes. */
async function follow({ system, databaseUrl }: Site): Promise<void> {
  const database = await openDatabase('audit-service', system.dataDir, databaseUrl)
  await database.run(
    `update followed set sequence = (select max(sequence) from places where key > 0) where log = 'blocks'`,
  )
  await database.close()
}

/** The tree has followed the log, and is signed. */
async function caughtUp({ system }: Site): Promise<void> {
  const { kept } = await system.get<{ kept: number }>('/audit/events?limit=1', 'audit')
  const signed = async () => {
    const answer = await fetch(`${system.url('audit')}/checkpoint`)
    const [, size] = (await answer.text()).split('\n')
    return answer.ok && Number(size) >= kept
  }
  await eventually('the tree has followed', signed, TREE_MAX_MS)
}

/** Each a copy of the one that there is, under an id and a time of its own, of so many causes. */
async function fillFailures({ system, databaseUrl }: Site, wanted: number): Promise<void> {
  const database = await openDatabase('audit-service', system.dataDir, databaseUrl)
  try {
    const seed = await database.get<Record<string, Value>>('select * from failures')
    if (!seed) throw new Error('there is no failed message to multiply')
    const names = Object.keys(seed)
    const beganMs = Date.parse(String(seed.failed_at)) - wanted * 1_000
    for (let first = 0; first < wanted; first += AT_ONCE) {
      const rows = Array.from({ length: Math.min(AT_ONCE, wanted - first) }, (_, index) => {
        const turn = first + index
        const id = turn.toString(16).padStart(32, '0')
        const own: Record<string, Value> = {
          ...{ ...seed, id, root: id, failed_at: new Date(beganMs + turn * 1_000).toISOString() },
          ...{ subject: `order-${turn}`, fingerprint: (turn % CAUSES).toString(16).padStart(16, '0') },
        }
        return names.map((name) => own[name] ?? null)
      })
      await database.transaction((tx) => insert(tx, `failures (${names.join(', ')})`, rows))
    }
    if (database.dialect === 'postgres') await database.run('analyze')
  } finally {
    await database.close()
  }
}
