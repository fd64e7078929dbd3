// A service was away while 50,000 events came for it: it takes them in a prefetch at a time, which is
// what bounds its memory.
import { eventually } from '@orders/shared/testing'
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { metric, settled } from '../support/metrics.ts'
import { type ServiceName, type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

const WAITING = 50_000

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

it.each([
  ['audit', 'audit.queue', 512],
  ['order', 'order.queue', 256],
] as const)(
  '%s-service takes 50,000 waiting events in, never holding more than its prefetch',
  async (service, queue, prefetch) => {
    const event = await eventOf(`template-${service}`)
    await system.terminate(service)
    await withChannel(vhost.amqpUrl, (channel) => publishCopies(channel, queue, event, service))
    expect(await waiting(queue)).toBeGreaterThanOrEqual(WAITING)

    await system.start(service)
    const held = await heldUntilHandled(service, queue)

    expect(Math.max(...held)).toBeLessThanOrEqual(prefetch)
    expect(Math.max(...held)).toBeGreaterThan(0)
    expect(await waiting(queue)).toBe(0)
  },
  180_000,
)

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
async function heldUntilHandled(service: ServiceName, queue: string): Promise<number[]> {
  const held: number[] = []
  await eventually(
    `all in ${queue} are handled`,
    async () => {
      held.push((await metric(system, service, 'messages_under_way')) ?? 0)
      // The service counts from its start.
      return ((await settled(system))[`${queue} handled`] ?? 0) >= WAITING
    },
    120_000,
  )
  return held
}

const waiting = async (queue: string) => (await vhost.waiting())[queue] ?? 0

/** The same event of other orders, each with an id of its own. */
async function publishCopies(
  channel: ConfirmChannel,
  queue: string,
  { content, properties }: GetMessage,
  prefix: string,
): Promise<void> {
  const text = content.toString()
  const original = String(properties.correlationId)
  for (let number = 0; number < WAITING; number++) {
    const orderId = `${prefix}-${number}`
    const body = Buffer.from(text.replaceAll(original, orderId))
    const ids = { messageId: `${orderId}/${properties.type}`, correlationId: orderId }
    const hasRoom = channel.publish('', queue, body, { ...properties, ...ids, persistent: true })
    if (!hasRoom) await new Promise((drained) => channel.once('drain', drained))
  }
}
