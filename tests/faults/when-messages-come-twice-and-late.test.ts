// Every event there ever was is published again, same id, same bytes, in a random order: nothing anywhere changes.
import { type Contract, events, topology } from '@orders/shared/contracts'
import { eventually, route } from '@orders/shared/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { everythingKept, recordedMessages } from '../support/kept.ts'
import { endedAll, orderForm, placeAll } from '../support/load.ts'
import { settled, settledAtRest } from '../support/metrics.ts'
import { wholeStory } from '../support/story.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost, withChannel } from '../support/vhost.ts'

/** Change it to try another order of arrival. */
const SEED = 20_260_101

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

interface Envelope {
  id: string
  source: string
  type: string
  subject: string
  time: string
  data: object
}

interface Kept {
  sequence: number
  causationId: string | null
  event: Envelope
}

it('stock, payments, the gateway’s books, shipments, orders, mails and the audit log stay as they were', async () => {
  const ids = await ordersOfEveryKind()
  for (const id of ids) await wholeStory(system, id)
  const countedBefore = await settledAtRest(system, vhost)
  await eventually('everything said is confirmed and forgotten', async () => (await recordedMessages(system)) === 0)
  const before = await everythingKept(system)
  const kept = await allEvents()
  const certain = kept.map(({ event }) => event.type).filter((type) => !BY_CHANCE.includes(type))
  expect(new Set(certain)).toEqual(new Set(replayable))

  const [shuffled = []] = fc.sample(fc.shuffledSubarray(kept, { minLength: kept.length }), { seed: SEED, numRuns: 1 })
  const expected = deliveriesOf(shuffled.map(({ event }) => addressOf(event)))
  await withChannel(vhost.amqpUrl, async (channel) => {
    for (const { event, causationId } of shuffled) {
      const { exchange, routingKey } = addressOf(event)
      channel.publish(exchange, routingKey, Buffer.from(JSON.stringify(event)), {
        messageId: event.id,
        type: event.type,
        appId: event.source.slice(1),
        correlationId: event.subject,
        contentType: 'application/cloudevents+json',
        deliveryMode: 2,
        mandatory: true,
        headers: { attempt: 1, ...(causationId !== null && { 'causation-id': causationId }) },
      })
    }
  })

  const handledAgain = async () => difference(await settled(system), countedBefore)
  const total = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)
  await eventually('every delivery is settled', async () => total(await handledAgain()) >= total(expected))
  await eventually('nothing is to be said', async () => (await recordedMessages(system)) === 0)
  expect(await vhost.waiting()).toEqual({ 'payment.deadline.queue': 2 })
  // Not one delivery more: a repeat that said something would have been heard by somebody.
  expect(await handledAgain()).toEqual(expected)
  expect(await everythingKept(system)).toEqual(before)
  const { ok, events: count } = await system.get<{ ok: boolean; events: number }>('/audit/verify', 'audit')
  expect({ ok, count }).toEqual({ ok: true, count: kept.length })
}, 180_000)

/**
 * A failed mail is tried again when its request comes again, as it should be: it alone may change something. Only an SMS provider
 * tells afterwards whether a message was delivered, and nothing here expires, is unwanted, held or gathered.
 */
const NOT_REPLAYED = [
  // A gateway that refuses a refund is simulated in payment-service's own tests.
  'payment.refund_refused',
  'notification.failed',
  'notification.delivered',
  'notification.undelivered',
  'notification.expired',
  'notification.opted_out',
  'notification.held',
  'notification.digested',
  'inventory.price_changed',
  // What an operator gave up, and a customer who is forgotten or asks what is held, have tests of their own.
  'payment.refund_abandoned',
  'payment.voided',
  'order.customer_forgotten',
  'order.customer_exported',
]
/** Which of them there are is a matter of what was heard first. */
const BY_CHANCE = ['notification.cancelled', 'notification.superseded']
const replayable = [...events.keys()].filter((type) => ![...NOT_REPLAYED, ...BY_CHANCE].includes(type))

/** Completed, declined, sold out, refused by the carrier, express, confirmed by the customer, cancelled; and a restock. */
async function ordersOfEveryKind(): Promise<string[]> {
  const forms = Array.from({ length: 20 }, (_, number) => orderForm('any', number))
  await placeAll(system, forms)
  for (const orderId of ['confirmed', 'regretted'])
    await system.post('/orders', { orderId, user: 'ann', items: [{ sku: 'item10', quantity: 11 }] })
  for (const orderId of ['confirmed', 'regretted'])
    await eventually(`${orderId} awaits confirmation`, async () => {
      const { status } = await system.order(orderId)
      return status === 'awaiting_confirmation'
    })
  expect((await system.post('/orders/confirmed/payment/confirm', {})).status).toBe(202)
  expect((await system.post('/orders/regretted/cancel', {})).status).toBe(202)
  await restock()
  const ids = [...forms.map(({ orderId }) => orderId), 'confirmed', 'regretted']
  await endedAll(system, ids, 60_000)
  const refund = await fetch(`${system.url('order')}/orders/confirmed/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'refund' },
    body: JSON.stringify({ reason: 'damaged' }),
  })
  expect(refund.status).toBe(202)
  await eventually('it is paid back', async () => {
    const { refundedCents } = await system.get<{ refundedCents: number }>('/orders/confirmed')
    return refundedCents > 0
  })
  return ids
}

async function restock(): Promise<void> {
  const answer = await fetch(`${system.url('inventory')}/stock/item9/adjustments`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'restock' },
    body: JSON.stringify({ difference: 5_000, reason: 'restocked' }),
  })
  expect(answer.status).toBe(200)
}

async function allEvents(): Promise<Kept[]> {
  const all: Kept[] = []
  for (let after: number | null = 0; after !== null; ) {
    // The bytes as they were said: what is shown of persons is opened.
    const page: { events: (Omit<Kept, 'event'> & { body: string })[]; next: number | null } = await system.get(
      `/audit/events?limit=500&bodies=true&after=${after}`,
      'audit',
    )
    all.push(...page.events.map(({ body, ...kept }) => ({ ...kept, event: JSON.parse(body) as Envelope })))
    after = page.next
  }
  return all
}

interface Address {
  exchange: string
  routingKey: string
}

function addressOf({ type, subject, time, data }: Envelope): Address {
  // The cast is safe: every entry of `events` was made by `event()`.
  const contract = events.get(type) as Contract<object>
  return contract.of(subject, time, data)
}

/** How many deliveries each queue gets of these, all of them handled. */
function deliveriesOf(addresses: Address[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { exchange, routingKey } of addresses)
    for (const queue of route(topology, exchange, routingKey))
      counts[`${queue} handled`] = (counts[`${queue} handled`] ?? 0) + 1
  return counts
}

function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  const changes = Object.entries(after).map(([key, count]) => [key, count - (before[key] ?? 0)] as const)
  return Object.fromEntries(changes.filter(([, change]) => change !== 0))
}
