// Whether a system slows down that has been running for long: the same load with empty tables and with those of many orders, one
// after the other.
import { isDeepStrictEqual } from 'node:util'
import { type ServiceName, serviceNames } from '../tests/support/system.ts'
import { bytesOnDisk } from './disk.ts'
import { COPIED, grow, SEED } from './growing.ts'
import { openLoad } from './load.ts'
import { underFullLoad } from './measured.ts'
import { median, sum } from './numbers.ts'
import { placeOverHttp } from './place.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { type Site, type Stage, startAll, under, withSystem } from './stage.ts'

/** Placed at once, and then multiplied. */
export const SEED_ORDERS = 200
const LISTS: [ServiceName, string][] = [
  ['order', '/orders'],
  ['order', '/orders?limit=100'],
  ['notification', '/notifications'],
  ['notification', '/notifications?status=failed'],
  ['audit', '/audit/events'],
  ['audit', '/audit/events?type=order.completed'],
]
const ASKED_TIMES = 5

export function measureGrown(all: Stage): Promise<Figure[]> {
  const stage = { ...all, settings: { ...all.settings, copies: 1 } }
  const { say, settings } = stage
  return withSink(({ url }) =>
    withSystem(stage, { environment: { SMTP_URL: url } }, async (site) => {
      const look = async () => ({ rates: await underFullLoad(stage, site), lists: await listsMs(site) })
      const empty = await look()
      await placeSeeds(site)
      await Promise.all(serviceNames.map((service) => site.system.terminate(service)))
      say(`filling the tables with ${settings.grown} orders …`)
      for (const service of serviceNames) await grow(service, site, Math.ceil(settings.grown / SEED_ORDERS))
      say(`${number(sum(Object.values(await bytesOnDisk(site))) / 1e6)} MB in all`)
      const startedAt = performance.now()
      await startAll(site)
      say(`all ready ${number(performance.now() - startedAt)} ms after they were started again`)
      await checkCopies(site)
      const grown = await look()
      for (const [index, [, path]] of LISTS.entries())
        say(
          `GET ${path}: ${number(grown.lists[index] ?? 0)} ms, with empty tables ${number(empty.lists[index] ?? 0)} ms`,
        )
      const name = (what: string) => `${what} with the tables of ${settings.grown} orders`
      const pair = (ours: number, beside: number) => [{ ours, beside }]
      return [
        sideBySide(
          `${name('settled')}, ${under(settings)}`,
          'orders/s',
          'empty tables',
          pair(grown.rates.settledPerSecond, empty.rates.settledPerSecond),
        ),
        sideBySide(
          name('slowest list'),
          'ms',
          'empty tables',
          pair(Math.max(...grown.lists), Math.max(...empty.lists)),
        ),
      ]
    }),
  )
}

export async function placeSeeds(site: Site): Promise<void> {
  const load = await openLoad({ amqpUrl: site.amqpUrl, place: placeOverHttp(site), prefix: SEED })
  try {
    await load.run({ inFlight: SEED_ORDERS, orders: SEED_ORDERS })
  } finally {
    await load.close()
  }
}

/** @throws an Error when a copy is not what an order of its own would be: then the tables are not what growing.ts takes them for. */
async function checkCopies({ system }: Site): Promise<void> {
  const { status } = await system.order(COPIED)
  const { notifications } = await system.get<{ notifications: object[] }>(
    `/notifications?orderId=${COPIED}`,
    'notification',
  )
  const { ended, gaps } = await system.get<{ ended: string; gaps: object[] }>(`/audit/orders/${COPIED}`, 'audit')
  const found = { status, ended, gaps: gaps.length, notifications: notifications.length }
  if (!isDeepStrictEqual(found, { status: 'completed', ended: 'completed', gaps: 0, notifications: 4 }))
    throw new Error(`a copied order is ${JSON.stringify(found)}`)
}

/** The median of each. */
async function listsMs({ system }: Site): Promise<number[]> {
  const medians: number[] = []
  for (const [service, path] of LISTS) {
    const ms: number[] = []
    for (let times = 0; times < ASKED_TIMES; times++) {
      const sentAt = performance.now()
      await system.get(path, service)
      ms.push(performance.now() - sentAt)
    }
    medians.push(median(ms))
  }
  return medians
}
