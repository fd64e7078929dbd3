// How far mails trail behind the events that they tell of, under a steady load: from an event's `time` until the mail server has
// its mail.
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '@orders/shared/testing'
import { connectTo } from './amqp.ts'
import { ascending, percentile } from './numbers.ts'
import { placeOverHttp } from './place.ts'
import { type Figure, number } from './report.ts'
import { type Arrival, type Sink, withSink } from './sink.ts'
import { copiesOf, type Site, type Stage, WARM_UP_SECONDS, withSystem } from './stage.ts'

const MAILED = ['order.created', 'order.paid', 'order.shipped', 'order.completed']
const ALL_MAILED_WITHIN_MS = 120_000
/** The rounds of the other parts take seconds; a queue that grows slowly shows in a minute. */
const TIMES_AS_LONG = 6

export function measureTrail(stage: Stage): Promise<Figure[]> {
  const { rate, seconds } = stage.settings
  return withSink((sink) =>
    withSystem(stage, { environment: { SMTP_URL: sink.url } }, async (site) => {
      await trails(site, sink, rate, WARM_UP_SECONDS)
      const ms = await trails(site, sink, rate, seconds * TIMES_AS_LONG)
      stage.say(
        `${ms.length} mails at ${rate} orders/s: ${[0.5, 0.9, 0.99, 0.999].map((share) => number(percentile(ms, share))).join(', ')} ms (p50, p90, p99, p99.9)`,
      )
      const load = `${rate} orders/s${copiesOf(stage.settings)}`
      return [
        { name: `mails trail p50, ${load}`, unit: 'ms', ours: percentile(ms, 0.5) },
        { name: `mails trail p99, ${load}`, unit: 'ms', ours: percentile(ms, 0.99) },
        { name: `mails trail at most, ${load}`, unit: 'ms', ours: percentile(ms, 1) },
      ]
    }),
  )
}

/** Milliseconds of every mail of so many seconds, ascending. */
async function trails(site: Site, sink: Sink, rate: number, seconds: number): Promise<number[]> {
  const connection = await connectTo(site.amqpUrl)
  try {
    const channel = await connection.createChannel()
    const { queue } = await channel.assertQueue('', { exclusive: true })
    for (const type of MAILED) await channel.bindQueue(queue, 'order.exchange', type)
    const saidAtMs = new Map<string, number>()
    await channel.consume(
      queue,
      (message) => {
        if (!message) return
        const { subject, type, time } = JSON.parse(message.content.toString()) as Record<string, string>
        saidAtMs.set(`${subject}.${type}.email@orders.example`, Date.parse(time ?? ''))
      },
      { noAck: true },
    )
    const orders = await placeSteadily(site, rate, rate * seconds)
    const arrivals: Arrival[] = []
    await eventually(
      'every mail is at the mail server',
      async () => arrivals.push(...(await sink.arrivals())) >= orders * MAILED.length,
      ALL_MAILED_WITHIN_MS,
    )
    return ascending(arrivals.map(({ messageId, atMs }) => atMs - (saidAtMs.get(messageId) ?? Number.NaN)))
  } finally {
    await connection.close()
  }
}

/** Whether those before are accepted or not, as customers do it. Returns how many it placed. */
async function placeSteadily(site: Site, rate: number, orders: number): Promise<number> {
  const place = placeOverHttp(site)
  const prefix = `steady-${Date.now().toString(36)}`
  const startedAt = performance.now()
  const placed: Promise<void>[] = []
  for (let number = 0; number < orders; number++) {
    const waitMs = startedAt + (number * 1_000) / rate - performance.now()
    if (waitMs > 1) await delay(waitMs)
    placed.push(place(`${prefix}-${number}`, number))
  }
  await Promise.all(placed)
  return orders
}
