// SIGTERM to one service after the other under load, as in a rolling deployment: each ends in order and in time, comes
// back, and every order ends.
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { completedOf, endedAll, orderForm, placeAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { wholeStory } from '../support/story.ts'
import { type ServiceName, type System, serviceNames, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const ORDERS = 50
/** The services' own deadline, SHUTDOWN_MS, and a little for the process to go. */
const DEADLINE_MS = 8_000 + 500

let vhost: Vhost
let system: System
let initial: Awaited<ReturnType<typeof stockOf>>
const placed: string[] = []
let completed = 0

beforeAll(async () => {
  vhost = await createVhost()
  system = await startSystem({ amqpUrl: vhost.amqpUrl, environment: { LOG_LEVEL: 'info' } })
  initial = await stockOf(system)
}, 120_000)

afterAll(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

it.each(serviceNames)('%s-service ends in order, with orders under way', async (service) => {
  const forms = Array.from({ length: ORDERS }, (_, number) => orderForm(service, number))
  placed.push(...forms.map(({ orderId }) => orderId))
  completed += completedOf(forms)
  const placing = placeAll(system, forms)
  await eventually('the first orders have been placed', () => isKnown(`${service}-20`))
  if (service === 'payment') await callOutside()
  await expectOrderlyStop(service)
  await system.start(service)
  await placing
})

it('afterwards every order has ended, with money, goods and stories in agreement', async () => {
  const orders = await endedAll(system, placed, 60_000)
  expect(orders.filter(({ status }) => status === 'completed')).toHaveLength(completed)
  for (const orderId of placed) await wholeStory(system, orderId)
  // Of a refund order-service hears too, and says nothing of it.
  await eventually('no message waits', async () => Object.keys(await vhost.waiting()).length === 0)
  await expectAgreement(system, orders, initial)
}, 180_000)

/** Has payment-service wait for its gateway, for longer than it is ready to wait when it is stopped. */
async function callOutside(): Promise<void> {
  await system.post('/orders', { orderId: 'slow', user: 'ann', items: ['item1'], paymentMethod: 'tok_slow' })
  placed.push('slow')
  completed += 1
  await eventually('the charge is under way', async () => {
    const { status } = await system.order('slow')
    return status === 'reserved' && !('payment.queue' in (await vhost.waiting()))
  })
}

/** Exits 0 within the deadline, and its log says that nothing was left over. */
async function expectOrderlyStop(service: ServiceName): Promise<void> {
  const stopsBefore = (await stopsOf(service)).length
  const began = performance.now()
  const code = await system.terminate(service)
  const tookMs = performance.now() - began
  const stops = (await stopsOf(service)).slice(stopsBefore)
  expect({ code, stops }).toEqual({ code: 0, stops: [{ clean: true, complaints: [] }] })
  expect(tookMs).toBeLessThan(DEADLINE_MS)
}

async function stopsOf(service: ServiceName): Promise<{ clean: unknown; complaints: unknown[] }[]> {
  const lines = await system.log(service)
  const complaints = lines.filter(({ msg }) => ['did not close in time', 'failed to close'].includes(msg))
  return lines.filter(({ msg }) => msg === 'stopped').map(({ clean }) => ({ clean, complaints }))
}

async function isKnown(orderId: string): Promise<boolean> {
  return fetch(`${system.url('order')}/orders/${orderId}`).then(
    ({ ok }) => ok,
    () => false,
  )
}
