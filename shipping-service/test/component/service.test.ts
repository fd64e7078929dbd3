// The whole service over the in-memory broker: wired as in production, asked over HTTP.
import { PaymentSuccess, registry, topology } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { type RunningService, readConfig, startService } from '@orders/shared/runtime'
import {
  createMemoryBroker,
  eventually,
  keepingLog,
  type MemoryBroker,
  scratchFolder,
  tracing,
  typesInTrace,
} from '@orders/shared/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ShippingConfig } from '../../config.ts'
import { shippingService } from '../../service.ts'
import { now, paid } from '../examples.ts'

const token = 'operator-token-for-tests'
let folder: { path: string; remove(): Promise<void> }
let broker: MemoryBroker
let service: RunningService

/** The parcel takes an hour, so that only an operator can deliver it during a test. */
const AN_HOUR = { SHIPPING_TRANSIT_MS: '3600000' }

beforeEach(async () => {
  folder = await scratchFolder()
  broker = createMemoryBroker(topology)
  await start(AN_HOUR)
})

async function start(settings: Record<string, string>): Promise<void> {
  const environment = { DATA_DIR: folder.path, OPERATOR_TOKENS: token, ...settings }
  const { log } = await keepingLog()
  const broken = (error: Error) => expect.unreachable(error.message)
  const config = { ...readConfig(ShippingConfig, environment), port: 0 }
  service = await startService(shippingService, config, { log, broken, openBroker: broker.connect })
}

afterEach(async () => {
  expect(await service.close()).toEqual({ clean: true })
  await folder.remove()
})

async function request(
  method: string,
  path: string,
  headers: Record<string, string> = { authorization: `Bearer ${token}` },
) {
  const response = await fetch(`${service.url}${path}`, { method, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const pay = (orderId: string, shippingAddress: string) =>
  broker
    .connect('payment-service')
    .publish(encode(registry, PaymentSuccess.of(orderId, now, { ...paid, shippingAddress }), 'payment-service', {}))
const shipment = (orderId: string) =>
  eventually(`a shipment of ${orderId}`, async () => {
    const answer = await request('GET', `/shipments/${orderId}`)
    return answer.status === 200 && answer.body
  })

test('a paid order is shipped, and delivered when an operator says so', async () => {
  await pay('1', '1 Harbour Street')
  const prepared = await shipment('1')
  expect(prepared).toMatchObject({
    orderId: '1',
    status: 'prepared',
    trackingId: 'SIM-6B86B273FF34',
    deliveredAt: null,
  })
  await eventually('the timer', () => broker.messages('shipping.transit.queue').length === 1)
  const delivered = await request('POST', '/shipments/1/delivered')
  expect(delivered).toMatchObject({ status: 200, body: { status: 'delivered', deliveredAt: expect.any(String) } })
  expect(await request('POST', '/shipments/1/delivered')).toEqual(delivered)
  const types = await eventually('the audit has heard it', () => {
    const heard = broker.messages('audit.queue').map(({ properties }) => properties.type)
    return heard.includes('shipping.delivered') && heard
  })
  expect(types).toEqual(['payment.success', 'shipping.prepared', 'shipping.delivered'])
})

test('a parcel whose timer does not come back arrives all the same, once', async () => {
  await pay('1', '1 Harbour Street')
  await eventually('the timer', () => broker.messages('shipping.transit.queue').length === 1)
  expect(await service.close()).toEqual({ clean: true })
  // For the service it is overdue now; the broker keeps it for an hour.
  await start({ SHIPPING_TRANSIT_MS: '1', TIMER_GRACE_MS: '0', TIMER_LOOK_MS: '100' })
  const types = () => broker.messages('audit.queue').map(({ properties }) => properties.type)
  await eventually('the audit has heard it', () => types().includes('shipping.delivered'))
  expect(await request('GET', '/shipments/1')).toMatchObject({ body: { status: 'delivered' } })
  expect(broker.messages('shipping.transit.queue')).toHaveLength(1)
  expect(types()).toEqual(['payment.success', 'shipping.prepared', 'shipping.delivered'])
})

test('an order that cannot be shipped cannot be delivered', async () => {
  await pay('2', 'Nowhere')
  expect(await shipment('2')).toMatchObject({ status: 'failed', reason: 'address_not_served', trackingId: null })
  expect(await request('POST', '/shipments/2/delivered')).toMatchObject({
    status: 409,
    body: { code: 'shipment_failed' },
  })
})

test('what is not there, what is not an order id, and who may not ask', async () => {
  expect(await request('GET', '/shipments/3')).toMatchObject({ status: 404, body: { code: 'no_such_shipment' } })
  expect(await request('POST', '/shipments/3/delivered')).toMatchObject({ status: 404 })
  expect(await request('GET', '/shipments/..%2f3')).toMatchObject({ status: 400 })
  expect(await request('GET', '/shipments/1', {})).toMatchObject({ status: 401, body: { code: 'token_required' } })
  expect(await request('POST', '/shipments/1/delivered', {})).toMatchObject({ status: 401 })
})

test('a delivery that an operator says is a step of the operator’s trace', async () => {
  await pay('1', '1 Harbour Street')
  await shipment('1')
  await request('POST', '/shipments/1/delivered', { authorization: `Bearer ${token}`, ...tracing })
  await eventually('it is said', () => broker.messages('audit.queue').length === 3)
  expect(typesInTrace(broker.messages('audit.queue'))).toEqual(['shipping.delivered'])
})
