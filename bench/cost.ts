// What an order of three lines with mails and SMS costs: statements, round trips, deliveries, bytes on disk and processor. For
// orders that come one at a time, each a group of its own, and under load, where many share one.
import { openLoad } from './load.ts'
import { costTable, type Measured, measured, underFullLoad } from './measured.ts'
import { sum } from './numbers.ts'
import { largeOrder, placeOverHttp } from './place.ts'
import type { Figure } from './report.ts'
import { withSink } from './sink.ts'
import { count, total } from './spent.ts'
import { copiesOf, type Site, type Stage, under, withSystem } from './stage.ts'

const WARM_UP_ORDERS = 20
/** So many that a page which is just begun makes no difference. */
const ORDERS = 150

export function measureCost(stage: Stage): Promise<Figure[]> {
  return costOn(stage, 'SQLite')
}

/** `where` says in the figures' names which database it is. */
export async function costOn(stage: Stage, where: string, databaseUrl?: string): Promise<Figure[]> {
  return withSink(({ url }) =>
    withSystem(stage, { environment: { SMTP_URL: url }, databaseUrl }, async (site) => {
      const alone = await oneAtATime(site)
      stage.say(`an order of three lines with mails and SMS, one at a time, ${where}\n${costTable(alone)}`)
      const loaded = await underFullLoad(stage, site, largeOrder)
      stage.say(`the same, ${under(stage.settings)}\n${costTable(loaded)}`)
      return [
        ...figuresOf(alone, `one at a time${copiesOf(stage.settings)}, ${where}`),
        ...figuresOf(loaded, `${under(stage.settings)}, ${where}`),
      ]
    }),
  )
}

/** Each waits until nothing is left of the one before, so that no two messages share a group that do not have to. */
async function oneAtATime(site: Site): Promise<Measured> {
  const load = await openLoad({ amqpUrl: site.amqpUrl, place: placeOverHttp(site, largeOrder) })
  const one = () => load.run({ inFlight: 1, orders: 1 })
  try {
    for (let warm = 0; warm < WARM_UP_ORDERS; warm++) await one()
    return await measured(site, async () => {
      for (let order = 1; order < ORDERS; order++) await one()
      return { ...(await one()), orders: ORDERS }
    })
  } finally {
    await load.close()
  }
}

function figuresOf({ spent, bytes }: Measured, when: string): Figure[] {
  const { statements, roundTrips, deliveries, cpuMs } = total(spent)
  const figure = (name: string, unit: string, ours: number) => ({ name: `${name} an order, ${when}`, unit, ours })
  return [
    figure('statements', 'statements', statements),
    // SQLite is asked without a way to go.
    ...(roundTrips > 0 ? [figure('round trips', 'round trips', roundTrips)] : []),
    figure('deliveries', 'deliveries', count(deliveries)),
    figure('disk', 'bytes', sum(Object.values(bytes))),
    figure('CPU', 'ms', cpuMs),
  ]
}
