// A service was away while 50,000 events came for it: it takes them in a prefetch at a time, which is
// what bounds its memory.
import { eventually } from '@orders/shared/testing'
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { metric, settled } from '../support/metrics.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

const QUEUE = 'audit.queue'
const WAITING = 50_000
const PREFETCH = 512

let vhost: Vhost
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl })
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

it('audit-service takes 50,000 waiting events in, never holding more than its prefetch', async () => {
  const event = await eventOf('template')
  await system.terminate('audit')
  await withChannel(vhost.amqpUrl, (channel) => publishCopies(channel, event))
  expect(await waiting()).toBeGreaterThanOrEqual(WAITING)

  await system.start('audit')
  const held = await heldUntilHandled()

  expect(Math.max(...held)).toBeLessThanOrEqual(PREFETCH)
  expect(Math.max(...held)).toBeGreaterThan(0)
  expect(await waiting()).toBe(0)
}, 180_000)

/** A real `inventory.reserved`, as the broker carried it. */
async function eventOf(orderId: string): Promise<GetMessage> {
  return withChannel(vhost.amqpUrl, async (channel) => {
    const { queue } = await channel.assertQueue('', { exclusive: true })
    await channel.bindQueue(queue, 'inventory.exchange', 'inventory.reserved')
    await system.post('/orders', { orderId, user: 'gayal', items: ['item1'] })
    await system.ended(orderId)
    return eventually('the event has come', () => channel.get(queue))
  })
}

/** How many deliveries the service held at each look, until all that waited were handled. */
async function heldUntilHandled(): Promise<number[]> {
  const held: number[] = []
  await eventually(
    'all are handled',
    async () => {
      held.push((await metric(system, 'audit', 'messages_under_way')) ?? 0)
      // The service counts from its start.
      return ((await settled(system))[`${QUEUE} handled`] ?? 0) >= WAITING
    },
    120_000,
  )
  return held
}

const waiting = async () => (await vhost.waiting())[QUEUE] ?? 0

/** The same event of other orders, each with an id of its own. */
async function publishCopies(channel: ConfirmChannel, { content, properties }: GetMessage): Promise<void> {
  const text = content.toString()
  const original = String(properties.correlationId)
  for (let number = 0; number < WAITING; number++) {
    const orderId = `copy-${number}`
    const body = Buffer.from(text.replaceAll(original, orderId))
    const ids = { messageId: `${orderId}/${properties.type}`, correlationId: orderId }
    const hasRoom = channel.publish('', QUEUE, body, { ...properties, ...ids, persistent: true })
    if (!hasRoom) await new Promise((drained) => channel.once('drain', drained))
  }
}
