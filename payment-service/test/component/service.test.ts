// The whole service over the in-memory broker: wired as in production, asked over HTTP and RPC.
import {
  InventoryReserved,
  type Message,
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
    expect(await ask(asker(), PaymentGet, { orderId: '1' }, 5_000)).toMatchObject({
      status: paymentMethod === 'tok_slow' ? 'succeeded' : 'pending',
    })
  },
)

test('a large order is charged once the customer has confirmed it', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, large))
  await hears('payment.confirmation_required')
  expect(await ask(asker(), PaymentConfirm, { orderId: '1' }, 5_000)).toMatchObject({ status: 'confirmed' })
  await hears('payment.success')
  expect(await ask(asker(), PaymentGet, { orderId: '1' }, 5_000)).toMatchObject({
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
  await expect(ask(asker(), PaymentConfirm, { orderId: '1' }, 5_000)).rejects.toMatchObject({
    status: 409,
    code: 'payment_failed',
  })
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
  expect(await ask(asker(), PaymentGet, { orderId: '2' }, 5_000)).toMatchObject({ status: 'pending' })
})

test('a confirmation is a step of its caller’s trace, and so is the charge that follows', async () => {
  await start()
  await publish(InventoryReserved.of('1', now, large))
  await hears('payment.confirmation_required')
  await ask(asker(), PaymentConfirm, { orderId: '1' }, 5_000, tracing)
  await hears('payment.success')
  expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['payment.success'])
})
