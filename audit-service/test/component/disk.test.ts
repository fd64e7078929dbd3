// How much of a disk the log takes for an order, indexes and all. The figures of decision 23 come from here.
import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { join } from 'node:path'
import {
  InventoryCommitted,
  InventoryReserved,
  type Message,
  NotificationRequested,
  NotificationSent,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  PaymentSuccess,
  registry,
  ShippingDelivered,
  ShippingPrepared,
} from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { decoded, type Event, openLog, sequenced, verify } from '../keeping.ts'

const NEWS = ['order.created', 'order.paid', 'order.shipped', 'order.completed']
const ORDERS = 150

/** The values of what is personal, in a body. */
const PERSONAL = /(?<="(?:user|email|phone|shippingAddress)":")[^"]+/g
type Hide = (body: string) => string
const asItIs: Hide = (body) => body
/** As long as AES-GCM with its nonce and its tag makes each, in base64; the same only where one order says it again. */
const asCiphertext: Hide = (body) => {
  const { subject } = JSON.parse(body)
  const sealed = (text: string) =>
    createHash('shake256', { outputLength: 28 + Buffer.byteLength(text) })
      .update(`${subject} ${text}`)
      .digest('base64')
  return body.replace(PERSONAL, sealed)
}

/** Every event of an order of three lines whose customer is told everything by e-mail and by SMS. */
function eventsOf(number: number, hide: Hide): Event[] {
  const id = `0190c3a4-${number.toString(16).padStart(4, '0')}-7${randomUUID().slice(15)}`
  const at = (ms: number) => new Date(Date.parse('2026-11-21T08:30:00.000Z') + number * 7 + ms).toISOString()
  const name = randomBytes(6).toString('hex')
  const customer = {
    user: name,
    contact: {
      email: `${name}@mail${number % 40}.example.org`,
      phone: `+49151${String(number).padStart(8, '0')}`,
      locale: 'de-AT',
    },
    shippingAddress: `${name}, Hauptstraße ${number % 200}, ${10_000 + number} Stadt`,
    priority: 'standard' as const,
  }
  const lines = [1, 2, 3].map((line) => ({ sku: `item${((number + line) % 5) + 1}`, quantity: (number % line) + 1 }))
  const priced = {
    ...customer,
    lines: lines.map((line) => ({ ...line, unitPriceCents: 1_000 })),
    totalCents: 1_000 * (number % 9),
  }
  const trackingId = `SIM-${randomBytes(6).toString('hex')}`
  const told = NEWS.flatMap((news, index) => {
    const notificationId = `${id}.${news}`
    const sent = (channel: 'email' | 'sms', provider: string, providerId: string) =>
      NotificationSent.of(
        id,
        at(index * 40 + 20),
        { notificationId, channel, provider, providerId },
        { detail: `${news}.${channel}` },
      )
    return [
      NotificationRequested.of(
        id,
        at(index * 40 + 5),
        { notificationId, channels: ['email', 'sms'] },
        { detail: news },
      ),
      sent('sms', 'log', `${notificationId}.sms`),
      sent('email', 'file', `<${notificationId}.email@orders.example>`),
    ]
  })
  const steps: [string, Message][] = [
    ['order', OrderCreated.of(id, at(0), { ...customer, lines })],
    ['inventory', InventoryReserved.of(id, at(11), priced)],
    ['payment', PaymentSuccess.of(id, at(23), { ...priced, chargeId: `ch_${id}` })],
    ['inventory', InventoryCommitted.of(id, at(31), { lines })],
    ['order', OrderPaid.of(id, at(37), priced)],
    ['shipping', ShippingPrepared.of(id, at(45), { trackingId, carrier: 'simulated-post' })],
    ['order', OrderShipped.of(id, at(52), { ...priced, trackingId })],
    ['shipping', ShippingDelivered.of(id, at(103), { trackingId, deliveredAt: at(103) })],
    ['order', OrderCompleted.of(id, at(109), priced)],
    ...told.map((message): [string, Message] => ['notification', message]),
  ]
  return steps.map(([noun, message]) =>
    decoded(hide(encode(registry, message, `${noun}-service`, {}).body.toString()), {
      'causation-id': `${id}/order.created`,
    }),
  )
}

/** In the order in which they happen, many orders at a time. */
function eventsOfAll(hide: Hide): Event[] {
  const all = Array.from({ length: ORDERS }, (_, number) => eventsOf(number, hide)).flat()
  return all.sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0))
}

it.each([
  { what: 'one event in each commit', size: 1, hide: asItIs, most: 4_200 },
  { what: 'eight events in each commit', size: 8, hide: asItIs, most: 3_200 },
  { what: '128 events in each commit', size: 128, hide: asItIs, most: 2_200 },
  { what: 'one event in each commit, personal data encrypted', size: 1, hide: asCiphertext, most: 5_600 },
  { what: '128 events in each commit, personal data encrypted', size: 128, hide: asCiphertext, most: 2_900 },
])('an order takes at most $most bytes: $what', { timeout: 120_000 }, async ({ what, size, hide, most }) => {
  const folder = await scratchFolder()
  const database = openSqlite(join(folder.path, 'audit.db'))
  onTestFinished(async () => {
    await database.close()
    await folder.remove()
  })
  const log = await openLog(database)
  const all = eventsOfAll(hide)
  for (let at = 0; at < all.length; at += size) await log.keep(...all.slice(at, at + size))
  expect(await sequenced(database)).toBeUndefined()

  const sizes = await database.all<{ name: string; bytes: number }>(
    `select name, sum(pgsize) as bytes from dbstat
     where name in ('blocks', 'places', 'subjects', 'sqlite_autoindex_subjects_1', 'kinds', 'dictionaries', 'tree_nodes') group by name`,
  )
  const bytes = Math.round(sizes.reduce((sum, one) => sum + one.bytes, 0) / ORDERS)
  const plain = all.reduce((sum, { data }) => sum + Buffer.byteLength(data.body), 0) / ORDERS
  console.log(
    `${what}: ${bytes} bytes an order, of ${all.length / ORDERS} events and ${Math.round(plain)} bytes as they came`,
  )
  expect(await verify(database)).toMatchObject({ ok: true, events: all.length })
  expect(bytes).toBeLessThanOrEqual(most)
})
