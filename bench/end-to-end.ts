// The real system under the same load: orders over HTTP, through six services with their databases, to `completed`.
import { connect } from 'amqplib'
import type { System } from '../tests/support/system.ts'
import { type LoopResult, percentile, runClosedLoop } from './closed-loop.ts'
import { placeOverHttp } from './place.ts'

interface Options {
  amqpUrl: string
  inFlight: number
  warmUpSeconds: number
  seconds: number
}

export async function restock(system: System): Promise<void> {
  for (const sku of ['item1', 'item2'])
    await fetch(`${system.url('inventory')}/stock/${sku}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ available: 100_000_000 }),
    })
}

export function measureEndToEnd(system: System, options: Options): Promise<LoopResult> {
  return runClosedLoop({ ...options, place: placeOverHttp(system.url('order'), 64) })
}

export interface LatencyResult {
  p50Ms: number
  p99Ms: number
}

/** From the answer 202 to the event `order.completed`, one order at a time. */
export async function measureLatency(system: System, amqpUrl: string, orders: number): Promise<LatencyResult> {
  const place = placeOverHttp(system.url('order'), 1)
  const connection = await connect(amqpUrl, { noDelay: true })
  const channel = await connection.createChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, 'order.exchange', 'order.completed')
  let completed: (orderId: string) => void = () => undefined
  await channel.consume(queue, (message) => message && completed(message.properties.correlationId), { noAck: true })
  const run = Date.now().toString(36)
  const latencies: number[] = []
  for (let count = 0; count < orders; count++) {
    const orderId = `latency-${run}-${count}`
    const done = new Promise<void>((resolve) => {
      completed = (ended) => ended === orderId && resolve()
    })
    await place(orderId)
    const accepted = performance.now()
    await done
    latencies.push(performance.now() - accepted)
  }
  await connection.close()
  latencies.sort((a, b) => a - b)
  return { p50Ms: percentile(latencies, 0.5), p99Ms: percentile(latencies, 0.99) }
}
