// Handlers, store and carrier together, over a scratch file: what a delivery asks, saves and says.
import { join } from 'node:path'
import {
  type CommandContract,
  type Contract,
  type Message,
  PaymentSuccess,
  registry,
  ShippingTransit,
} from '@orders/shared/contracts'
import { encode, type State, type Work } from '@orders/shared/messaging'
import { TransientError } from '@orders/shared/runtime'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, handleAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type BookingRequest, type Carrier, openSimulatedCarrier } from '../carrier.ts'
import type { Shipment } from '../domain.ts'
import { handlers, markDelivered } from '../handlers.ts'
import { shipments } from '../store.ts'
import { now, paid, terms } from './examples.ts'

let folder: { path: string; remove(): Promise<void> }
let database: Database
let asked: BookingRequest[]

beforeEach(async () => {
  folder = await scratchFolder()
  database = openSqlite(join(folder.path, 'shipping.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
  asked = []
})
afterEach(async () => {
  await database.close()
  await folder.remove()
})

const simulated = openSimulatedCarrier()
const carrier: Carrier = {
  async book(request, signal) {
    asked.push(request)
    return simulated.book(request, signal)
  },
}
const silent: Carrier = {
  async book() {
    throw new TransientError('carrier_unavailable', 'the carrier answers 503')
  },
}
/** When the parcel's time on the road is over. */
const afterwards = new Date(Date.parse(now) + terms.transitMs).toISOString()
const read = async <Value>(state: State<Value>, key: string) => (await state.load(database, [key])).get(key)
const shipmentOf = (orderId: string) => read(shipments, orderId)

function delivery<Data>(
  contract: Contract<Data> | CommandContract<Data>,
  data: Data,
  by = carrier,
  at = now,
  waitedMs = 0,
) {
  const context = { now: at, attempt: 1, redelivered: false, waitedMs }
  const handler = handlers(by, terms, 60_000).find(({ type }) => type === contract.type)
  if (!handler) throw new Error(`no handler for ${contract.type}`)
  const event = { id: `1/${contract.type}`, source: '/test', type: contract.type, subject: '1', time: now, data }
  const ask = async () => handler.ask?.(event, { ...context, read, signal: new AbortController().signal })
  const commit = async (answer: unknown) => valid(await handleAlone(database, handler, event, { context, answer }))
  const failure = { error: new Error('down'), reason: 'down' }
  const givingUp: Work<undefined> = {
    reads: (known) => handler.reads(event, known),
    decide: (draft) => ({ result: undefined, messages: handler.giveUp?.(event, draft, context, failure) ?? [] }),
  }
  const giveUp = async () => valid((await decideAlone(database, givingUp)).messages)
  return { ask, commit, giveUp, whole: async () => commit(await ask()) }
}

function valid(messages: Message[]): string[] {
  for (const message of messages) encode(registry, message, 'shipping-service', {})
  return messages.map(({ type }) => type)
}

const paidFor = (data = paid, by = carrier) => delivery(PaymentSuccess, data, by)
const arrives = () => delivery(ShippingTransit, {}, carrier, afterwards).whole()
const markedDelivered = () => decideAlone(database, markDelivered('1', now))

test('paid: booked under the order’s key, prepared, and delivered when its time is over', async () => {
  expect(await paidFor().whole()).toEqual(['shipping.prepared', 'shipping.transit'])
  expect(asked).toEqual([{ key: '1', address: '1 Harbour Street', lines: paid.lines }])
  expect(await arrives()).toEqual(['shipping.delivered'])
  expect(await shipmentOf('1')).toEqual({
    orderId: '1',
    status: 'delivered',
    priority: 'express',
    trackingId: 'SIM-6B86B273FF34',
    carrier: 'simulated-post',
    reason: null,
    deliveredAt: afterwards,
    version: 2,
    createdAt: now,
    updatedAt: afterwards,
  })
})

test('a timer that comes early waits on', async () => {
  await paidFor().whole()
  await expect(delivery(ShippingTransit, {}).whole()).rejects.toMatchObject({
    code: 'too_early',
    isUntried: true,
    retryAfterSeconds: terms.transitMs / 1_000,
  })
  expect(await shipmentOf('1')).toMatchObject({ status: 'prepared' })
})

test('a timer waits on for no longer than it was set for, though the clock was wrong when the parcel was booked', async () => {
  await paidFor().whole()
  const hoursBefore = new Date(Date.parse(now) - 39_600_000).toISOString()
  await expect(delivery(ShippingTransit, {}, carrier, hoursBefore).whole()).rejects.toMatchObject({
    code: 'too_early',
    retryAfterSeconds: terms.transitMs / 1_000,
  })
  const waited = delivery(ShippingTransit, {}, carrier, hoursBefore, terms.transitMs)
  expect(await waited.whole()).toEqual(['shipping.delivered'])
})

test('paid twice: the carrier is not asked again, and nothing is said again', async () => {
  await paidFor().whole()
  await arrives()
  expect([await paidFor().whole(), await arrives(), asked.length]).toEqual([[], [], 1])
})

test('delivered to two copies at once: the same parcel, and one of them says so', async () => {
  const answers = [await paidFor().ask(), await paidFor().ask()]
  expect(answers[0]).toEqual(answers[1])
  expect(await paidFor().commit(answers[0])).toEqual(['shipping.prepared', 'shipping.transit'])
  expect(await paidFor().commit(answers[1])).toEqual([])
})

test('an address that nobody serves: failed', async () => {
  expect(await paidFor({ ...paid, shippingAddress: 'Nowhere 1' }).whole()).toEqual(['shipping.failed'])
  expect(await arrives()).toEqual([])
  expect(await shipmentOf('1')).toMatchObject({ status: 'failed', reason: 'address_not_served' })
})

test('a carrier that never answers: failed, unless another copy had an answer', async () => {
  await expect(paidFor(paid, silent).whole()).rejects.toMatchObject({ code: 'carrier_unavailable' })
  expect(await paidFor(paid, silent).giveUp()).toEqual(['shipping.failed'])
  expect(await paidFor(paid, silent).giveUp()).toEqual([])
  expect(await paidFor().whole()).toEqual([])
  expect(await shipmentOf('1')).toMatchObject({ status: 'failed', reason: 'carrier_unavailable' })
})

test('a timer before its shipment leaves the shipment to its own timer', async () => {
  expect(await arrives()).toEqual([])
  expect(await paidFor().whole()).toEqual(['shipping.prepared', 'shipping.transit'])
})

test('an operator says that it arrived: delivered at once, and the timer has nothing left to do', async () => {
  await paidFor().whole()
  const { result, messages } = await markedDelivered()
  expect([result.status, result.deliveredAt, valid(messages)]).toEqual(['delivered', now, ['shipping.delivered']])
  expect(await markedDelivered()).toEqual({ result, messages: [] })
  expect(await arrives()).toEqual([])
})

test('an operator cannot deliver what was never shipped, or refused', async () => {
  await expect(markedDelivered()).rejects.toMatchObject({ status: 404, code: 'no_such_shipment' })
  await paidFor({ ...paid, shippingAddress: 'nowhere' }).whole()
  await expect(markedDelivered()).rejects.toMatchObject({ status: 409, code: 'shipment_failed' })
})

test('a parcel that is told of again, as after a repair, is kept with all that is told', async () => {
  const first: Shipment = {
    ...{ orderId: 'again', status: 'prepared', priority: 'standard', trackingId: 'T-1', carrier: 'post', reason: null },
    ...{ deliveredAt: null, version: 1, createdAt: now, updatedAt: now },
  }
  const later: Shipment = {
    ...{
      orderId: 'again',
      status: 'delivered',
      priority: 'express',
      trackingId: 'T-2',
      carrier: 'rail',
      reason: 'late',
    },
    ...{ deliveredAt: afterwards, version: 2, createdAt: now, updatedAt: afterwards },
  }
  for (const after of [first, later]) {
    await database.transaction((tx) => shipments.save(tx, [{ key: 'again', before: undefined, after }]))
    expect(await shipmentOf('again')).toEqual(after)
  }
})
