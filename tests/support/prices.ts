// Prices that change: at once, or between the answer to an order and the moment at which its goods are set aside.
import { eventually } from '@orders/shared/testing'
import { expect } from 'vitest'
import type { System } from './system.ts'
import { type Vhost, withChannel } from './vhost.ts'

export async function reprice(system: System, sku: string, unitPriceCents: number): Promise<void> {
  const url = `${system.url('inventory')}/stock/${sku}`
  const seen = await fetch(url)
  const { available } = (await seen.json()) as { available: number }
  const headers = { 'content-type': 'application/json', 'if-match': seen.headers.get('etag') ?? '' }
  const answer = await fetch(url, { method: 'PUT', headers, body: JSON.stringify({ available, unitPriceCents }) })
  expect(answer.status).toBe(200)
}

const QUEUE = 'inventory.queue'
const EXCHANGE = 'order.exchange'
const TYPE = 'order.created'

/** `order.created` reaches inventory only when the price has changed. No other order may be placed meanwhile. */
export function placeWhilePriceChanges(
  { system, vhost }: { system: System; vhost: Vhost },
  order: object,
  { sku, unitPriceCents }: { sku: string; unitPriceCents: number },
): Promise<void> {
  return withChannel(vhost.amqpUrl, async (channel) => {
    const { queue: kept } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(kept, EXCHANGE, TYPE)
    await channel.unbindQueue(QUEUE, EXCHANGE, TYPE)
    try {
      expect((await system.post('/orders', order)).status).toBe(202)
      const message = await eventually('the order is told', () => channel.get(kept, { noAck: true }))
      await reprice(system, sku, unitPriceCents)
      channel.sendToQueue(QUEUE, message.content, message.properties)
    } finally {
      await channel.bindQueue(QUEUE, EXCHANGE, TYPE)
    }
  })
}
