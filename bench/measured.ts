// A system under load, and what each order cost it.
import { serviceNames } from '../tests/support/system.ts'
import { type BytesByService, bytesOnDisk } from './disk.ts'
import { type LoadResult, openLoad } from './load.ts'
import { placeOverHttp, plainOrder } from './place.ts'
import { aligned, number } from './report.ts'
import { count, type SpentByService, spentAnOrder, spentBy, total } from './spent.ts'
import { type Site, type Stage, WARM_UP_SECONDS } from './stage.ts'

/** Rates and times, and all for each order: what was spent, and by how much the databases grew. */
export interface Measured extends LoadResult {
  spent: SpentByService
  bytes: BytesByService
}

/** The full load of a run, after its warm-up. */
export async function underFullLoad({ settings }: Stage, site: Site, form = plainOrder): Promise<Measured> {
  const load = await openLoad({ amqpUrl: site.amqpUrl, place: placeOverHttp(site, form) })
  const { inFlight, seconds } = settings
  try {
    await load.run({ inFlight, seconds: WARM_UP_SECONDS })
    return await measured(site, () => load.run({ inFlight, seconds }))
  } finally {
    await load.close()
  }
}

export async function measured(site: Site, run: () => Promise<LoadResult>): Promise<Measured> {
  const look = async () => {
    const spent = await spentBy(site)
    return { spent, bytes: await bytesOnDisk(site) }
  }
  const before = await look()
  const result = await run()
  const after = await look()
  const grown = serviceNames.map((name) => [name, (after.bytes[name] - before.bytes[name]) / result.orders] as const)
  return {
    ...result,
    spent: spentAnOrder(before.spent, after.spent, result.orders),
    // The cast only says that there is an entry for each name.
    bytes: Object.fromEntries(grown) as BytesByService,
  }
}

/** A line for each service, and one for all. */
export function costTable({ spent, bytes }: Measured): string {
  const all = { spent: total(spent), bytes: Object.values(bytes).reduce((sum, one) => sum + one, 0) }
  const rows = [
    ...serviceNames.map((name) => ({ name, spent: spent[name], bytes: bytes[name] })),
    { name: 'all', ...all },
  ]
  return aligned([
    ['an order costs', 'CPU ms', 'groups', 'statements', 'round trips', 'deliveries', 'bytes on disk'],
    ...rows.map(({ name, spent: { cpuMs, groups, statements, roundTrips, deliveries }, bytes: grown }) => [
      name,
      ...[cpuMs, groups, statements, roundTrips, count(deliveries), grown].map(number),
    ]),
  ])
}
