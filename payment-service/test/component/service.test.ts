// The whole service over the in-memory broker: wired as in production, asked over HTTP and RPC.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  InventoryReserved,
  type Message,
  OrderCancelRequested,
  OrderRefundRequested,
  PaymentConfirm,
  PaymentGet,
  registry,
  ShippingFailed,
  topology,
} from '@orders/shared/contracts'
import { ask, encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type MemoryBroker,
  type Schedule,
  scratchFolder,
  tracing,
  typesInTrace,
} from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { PaymentConfig } from '../../config.ts'
import { type Gateway, openSimulatedGateway } from '../../gateway.ts'
import { paymentService } from '../../service.ts'
import { large, now, small } from '../examples.ts'

const token = 'operator-token-for-tests'
let folder: { path: string; remove(): Promise<void> }
let broker: MemoryBroker
let service: RunningService

async function start(environment: Record<string, string> = {}): Promise<void> {
  const { log } = await keepingLog()
  const broken = (error: Error) => expect.unreachable(error.message)
  const all = { DATA_DIR: folder.path, OPERATOR_TOKENS: token, ...environment }
  const config = { ...readConfig(PaymentConfig, all), port: 0 }
  service = await startService(paymentService, config, { log, broken, openBroker: broker.connect })
}

beforeEach(async () => {
  folder = await scratchFolder()
  broker = createMemoryBroker(topology)
})
afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

async function get(orderId: string, headers: Record<string, string> = { authorization: `Bearer ${token}` }) {
  const response = await fetch(`${service.url}/payments/${orderId}`, { headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function waiting(): Promise<number> {
  const response = await fetch(`${service.url}/retries`, { headers: { authorization: `Bearer ${token}` } })
  return ((await response.json()) as { retries: object[] }).retries.length
}
const publish = (message: Message) =>
  broker.connect('others').publish(encode(registry, message, 'inventory-service', {}))
const heard = () => broker.messages('audit.queue').map(({ properties }) => properties.type)
const hears = (type: string) => eventually(`the audit hears ${type}`, () => heard().includes(type))
const asker = () => broker.connect('order-service')

test('a reserved order is charged, and given back when its parcel cannot go', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.success')
  expect(await get('1')).toMatchObject({
    status: 200,
    body: { orderId: '1', status: 'succeeded', chargeId: 'ch_1', totalCents: 2_500, reason: null, confirmBefore: null },
  })
  await publish(ShippingFailed.of('1', now, { reason: 'address_not_served' }))
  await hears('payment.refunded')
  expect(await get('1')).toMatchObject({ body: { status: 'refunded', reason: 'address_not_served', chargeId: 'ch_1' } })
  expect(heard()).toEqual(['inventory.reserved', 'payment.success', 'shipping.failed', 'payment.refunded'])
})

test.each(['tok_slow', 'tok_gateway_down'])(
  'while the gateway is asked, the payment is pending: %s',
  async (paymentMethod) => {
    await start()
    await publish(InventoryReserved.of('1', now, { ...small, paymentMethod }))
    const told = await eventually('it is heard of', async () => {
      const answer = await get('1')
      return answer.status === 200 && answer.body
    })
    expect(told).toMatchObject({ orderId: '1', status: 'pending', totalCents: null, reason: null })
    await eventually('and stays so', async () => {
      const { body } = await get('1')
      expect(['pending', 'succeeded']).toContain(body.status)
      return paymentMethod === 'tok_slow' ? body.status === 'succeeded' : (await waiting()) === 1
    })
    expect(await ask(asker(), PaymentGet, { orderId: '1' }, 20_000)).toMatchObject({
      status: paymentMethod === 'tok_slow' ? 'succeeded' : 'pending',
    })
  },
)

test('a large order is charged once the customer has confirmed it', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, large))
  await hears('payment.confirmation_required')
  expect(await ask(asker(), PaymentConfirm, { orderId: '1' }, 20_000)).toMatchObject({ status: 'confirmed' })
  await hears('payment.success')
  expect(await ask(asker(), PaymentGet, { orderId: '1' }, 20_000)).toMatchObject({
    status: 'succeeded',
    chargeId: 'ch_1',
  })
  expect(heard()).toEqual(['inventory.reserved', 'payment.confirmation_required', 'payment.success'])
})

test('a large order that nobody confirms in time fails, and is refused afterwards', async () => {
  await start({ PAYMENT_CONFIRM_WITHIN_MS: '1', PAYMENT_CONFIRM_ABOVE_CENTS: '2499' })
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.failed')
  expect(await get('1')).toMatchObject({ body: { status: 'failed', reason: 'confirmation_timeout' } })
  await expect(ask(asker(), PaymentConfirm, { orderId: '1' }, 20_000)).rejects.toMatchObject({
    status: 409,
    code: 'payment_failed',
  })
})

/** Nothing is answered until the function that it gives is called. */
async function gatewayAway(): Promise<() => Promise<void>> {
  const file = join(folder.path, 'payment-gateway.db.down')
  await writeFile(file, '')
  return () => rm(file)
}

async function operator(method: 'GET' | 'POST', path: string) {
  const response = await fetch(`${service.url}${path}`, { method, headers: { authorization: `Bearer ${token}` } })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

/** Once it has failed, or at once where it is not tried: whatever the outside world does. */
async function giveUp(type: string): Promise<void> {
  const id = await eventually(`${type} waits`, async () => {
    const { body } = await operator('GET', `/retries?type=${type}`)
    return (body.retries as { id: string }[]).at(0)?.id ?? false
  })
  await eventually('it is given up', async () => (await operator('POST', `/retries/${id}/give-up`)).status === 202)
}

/** The provider's own books, in which every refund is one row. */
function withBooks<T>(ask: (gateway: Gateway) => Promise<T>): Promise<T> {
  const gateway = openSimulatedGateway({ path: join(folder.path, 'payment-gateway.db'), now: () => new Date() })
  return ask(gateway).finally(() => gateway.close())
}
const told = () => broker.messages('audit.queue').map(({ properties }) => properties.messageId)
const refundsOf = async () => (await get('1')).body.refunds

test('what is owed and was given up is seen, and asked for again goes back once', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.success')
  // The answer to this is lost, as it were.
  await withBooks((gateway) => gateway.refund({ key: '1', refundKey: '1', amountCents: 2_500 }))
  const back = await gatewayAway()
  await publish(ShippingFailed.of('1', now, { reason: 'address_not_served', user: 'gayal' }))
  for (const abandoned of ['1/payment.refund_abandoned/whole', '1/payment.refund_abandoned/whole.2']) {
    await giveUp('payment.void')
    await eventually('everybody is told', () => told().includes(abandoned))
    const { amountCents, status, why } = ((await refundsOf()) as Record<string, unknown>[])[0] ?? {}
    expect({ amountCents, status }).toEqual({ amountCents: 2_500, status: 'given_up' })
    expect(why).toMatch(/^an operator gave it up after \d+ attempts: /)
    expect(await operator('POST', '/payments/1/refund')).toMatchObject({
      status: 202,
      body: { status: 'succeeded', refunds: [{ amountCents: 2_500, status: 'due' }] },
    })
  }
  await back()
  await hears('payment.refunded')
  expect(await get('1')).toMatchObject({ body: { status: 'refunded', refundedCents: 2_500, refunds: [] } })
  expect(await withBooks((gateway) => gateway.lookup('1'))).toMatchObject({ refundedCents: 2_500, status: 'refunded' })
  expect(broker.messages('audit.queue').at(-1)?.body.toString()).toContain('"user":"gayal"')
  expect(await operator('POST', '/payments/1/refund')).toMatchObject({
    status: 409,
    body: { code: 'nothing_given_up' },
  })
  expect(await operator('POST', '/payments/2/refund')).toMatchObject({ status: 404, body: { code: 'no_payment_yet' } })
})

test('a part that an operator wanted back and gave up stays booked, and is asked for again by its own number', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.success')
  const back = await gatewayAway()
  const line = { sku: 'item1', quantity: 1, unitPriceCents: 1_000 }
  const wanted = { ...small, lines: [line], totalCents: 1_000, request: '1', reason: 'broken', returnToStock: true }
  await publish(OrderRefundRequested.of('1', now, wanted, { detail: '1' }))
  await giveUp('payment.refund')
  await eventually('everybody is told', () => told().includes('1/payment.refund_abandoned/1'))
  expect(await refundsOf()).toMatchObject([{ request: '1', amountCents: 1_000, status: 'given_up' }])
  await publish(OrderRefundRequested.of('1', now, { ...wanted, totalCents: 2_000, request: '2' }, { detail: '2' }))
  await hears('payment.refund_refused')
  await back()
  expect((await operator('POST', '/payments/1/refund')).status).toBe(202)
  await eventually('it went back', () => told().includes('1/payment.refunded/1'))
  expect(await get('1')).toMatchObject({ body: { status: 'succeeded', refundedCents: 1_000 } })
})

test('where nothing was charged after all, everybody is told once it was looked for again', async () => {
  await start({ PAYMENT_CONFIRM_ABOVE_CENTS: '2499' })
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.confirmation_required')
  const back = await gatewayAway()
  await publish(OrderCancelRequested.of('1', now, { user: 'gayal' }))
  await giveUp('payment.void')
  await hears('payment.refund_abandoned')
  await back()
  expect((await operator('POST', '/payments/1/refund')).status).toBe(202)
  await hears('payment.voided')
  expect(await get('1')).toMatchObject({ body: { status: 'failed', refunds: [] } })
})

test('a deadline whose timer does not come back passes all the same, once, with two copies of the service', async () => {
  const keeping: Schedule = (delayMs, work) => {
    const immediate = delayMs === 0 ? setImmediate(work) : undefined
    return () => clearImmediate(immediate)
  }
  broker = createMemoryBroker(topology, keeping)
  const settings = { PAYMENT_CONFIRM_WITHIN_MS: '1', PAYMENT_CONFIRM_ABOVE_CENTS: '2499' }
  const timers = { TIMER_GRACE_MS: '0', TIMER_LOOK_MS: '100' }
  await start({ ...settings, ...timers })
  const other = service
  await start({ ...settings, ...timers })
  await publish(InventoryReserved.of('1', now, small))
  await hears('payment.failed')
  expect(await get('1')).toMatchObject({ body: { status: 'failed', reason: 'confirmation_timeout' } })

  const [late] = await eventually('the timer is where it was', () => {
    const timersKept = broker.messages('payment.deadline.queue')
    return timersKept.length === 1 && timersKept
  })
  const body = Buffer.from(late?.body ?? '')
  const properties = { ...late?.properties, headers: {} }
  await broker.connect('others').publish({ exchange: '', routingKey: 'payment.queue', body, properties })
  await eventually(
    'it is handled',
    () => broker.unsettled('payment.queue') + broker.messages('payment.queue').length === 0,
  )
  expect(await other.close()).toEqual({ clean: true })
  expect(heard()).toEqual(['inventory.reserved', 'payment.confirmation_required', 'payment.failed'])
})

test('what is not there, what is not an order id, and who may not ask', async () => {
  await start()
  expect(await get('2')).toMatchObject({ status: 404, body: { code: 'no_payment_yet' } })
  expect(await get('..%2f2')).toMatchObject({ status: 400 })
  expect(await get('2', {})).toMatchObject({ status: 401, body: { code: 'token_required' } })
  expect(await ask(asker(), PaymentGet, { orderId: '2' }, 20_000)).toMatchObject({ status: 'pending' })
})

test('a confirmation is a step of its caller’s trace, and so is the charge that follows', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, large))
  await hears('payment.confirmation_required')
  await ask(asker(), PaymentConfirm, { orderId: '1' }, 20_000, tracing)
  await hears('payment.success')
  expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['payment.success'])
})
