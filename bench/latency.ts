// How long one order takes that has the system to itself: from its 202 to `order.completed`.
import { openLoad } from './load.ts'
import { percentile } from './numbers.ts'
import { placeOverHttp } from './place.ts'
import type { Figure } from './report.ts'
import { withSink } from './sink.ts'
import { copiesOf, type Stage, withSystem } from './stage.ts'

const WARM_UP_ORDERS = 50
const ORDERS = 200

export function measureLatency(stage: Stage): Promise<Figure[]> {
  return withSink(({ url }) =>
    withSystem(stage, { environment: { SMTP_URL: url } }, async (site) => {
      const load = await openLoad({ amqpUrl: site.amqpUrl, place: placeOverHttp(site) })
      try {
        await load.run({ inFlight: 1, orders: WARM_UP_ORDERS })
        const { endedMs } = await load.run({ inFlight: 1, orders: ORDERS })
        const name = (share: string) => `202 to completed ${share}, one at a time${copiesOf(stage.settings)}`
        return [
          { name: name('p50'), unit: 'ms', ours: percentile(endedMs, 0.5) },
          { name: name('p99'), unit: 'ms', ours: percentile(endedMs, 0.99) },
        ]
      } finally {
        await load.close()
      }
    }),
  )
}
