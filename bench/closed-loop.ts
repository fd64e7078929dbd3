// A closed loop: so many orders under way, each ended one making room for the next; counts those that end in the
// measured time, after a warm-up.
import { setTimeout as delay } from 'node:timers/promises'
import { topology } from '@orders/shared/contracts'
import { type Channel, connect } from 'amqplib'

export interface Loop {
  amqpUrl: string
  inFlight: number
  warmUpSeconds: number
  seconds: number
  /** Places one order; resolves when it is accepted. */
  place(orderId: string): Promise<void>
}

export interface LoopResult {
  ordersPerSecond: number
  ended: number
  /** Until every queue was empty again after the last order had ended: what lagged behind. */
  drainMs: number
  /** Milliseconds of each placement in the measured time, sorted. */
  placementMs: number[]
}

/** Runs until the time is over, then waits for the orders still under way. */
export async function runClosedLoop({ amqpUrl, inFlight, warmUpSeconds, seconds, place }: Loop): Promise<LoopResult> {
  const open = new Set<string>()
  const placementMs: number[] = []
  let measuring = false
  let stopping = false
  let ended = 0
  let next = 0
  const run = Date.now().toString(36)

  async function placeNext(): Promise<void> {
    const orderId = `${run}-${next++}`
    open.add(orderId)
    const started = performance.now()
    await place(orderId)
    if (measuring) placementMs.push(performance.now() - started)
  }

  const connection = await connect(amqpUrl, { noDelay: true })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, 'order.exchange', 'order.completed')
  await channel.consume(
    queue,
    (message) => {
      if (message === null || !open.delete(message.properties.correlationId)) return
      if (measuring) ended += 1
      if (!stopping) void placeNext()
    },
    { noAck: true },
  )
  for (let placed = 0; placed < inFlight; placed++) void placeNext()
  await delay(warmUpSeconds * 1000)
  measuring = true
  const started = performance.now()
  await delay(seconds * 1000)
  measuring = false
  stopping = true
  const elapsedMs = performance.now() - started
  for (const deadline = Date.now() + 60_000; open.size > 0; await delay(20))
    if (Date.now() > deadline) throw new Error(`${open.size} orders did not end within a minute`)
  const drainMs = await drained(channel)
  await connection.close()
  return { drainMs, ordersPerSecond: (ended / elapsedMs) * 1000, ended, placementMs: placementMs.sort((a, b) => a - b) }
}

async function drained(channel: Channel): Promise<number> {
  const started = performance.now()
  for (const deadline = Date.now() + 120_000; ; await delay(20)) {
    const counts = await Promise.all(topology.queues.map(({ name }) => channel.checkQueue(name)))
    const waiting = counts.reduce((sum, { messageCount }) => sum + messageCount, 0)
    if (waiting === 0) return performance.now() - started
    if (Date.now() > deadline) throw new Error(`${waiting} messages still wait after two minutes`)
  }
}

export function percentile(sorted: number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
