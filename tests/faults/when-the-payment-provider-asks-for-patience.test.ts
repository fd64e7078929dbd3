// The payment provider takes no calls for a while (429 with Retry-After), or none at all while charges are to go back: nobody's order is
// cancelled for it, and what is owed to customers stays due, whoever is killed meanwhile, until it is done once.
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { endedAll } from '../support/load.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

/** More than a burst of calls: those under way at one time, and the failures that open the breaker. */
const ORDERS = 150
const BURST_MAX = 64 + 10
const RETRY_AFTER_SECONDS = 2

let vhost: Vhost
let system: System
let initial: Awaited<ReturnType<typeof stockOf>>

beforeEach(async () => {
  vhost = await createVhost()
  system = await startSystem({
    amqpUrl: vhost.amqpUrl,
    // Long enough that the provider is away before the time of who says nothing is over.
    environment: { PAYMENT_CONFIRM_WITHIN_MS: '15000', PAYMENT_PATIENCE_MS: '900000' },
  })
  initial = await stockOf(system)
}, 120_000)

afterEach(async () => {
  await system?.stop()
  await vhost?.remove()
}, 60_000)

const down = () => join(system.dataDir, 'payment-gateway.db.down')
const place = async (order: { orderId: string } & Record<string, unknown>) =>
  expect((await system.post('/orders', { user: 'ann', items: ['item1'], ...order })).status).toBe(202)
const becomes = (orderId: string, status: string) =>
  eventually(`${orderId} is ${status}`, async () => (await system.order(orderId)).status === status, 60_000)

interface Retry {
  type: string
  subject: string
  attempts: number
}
const waitingRetries = async (type: string) =>
  (await system.get<{ retries: Retry[] }>(`/retries?limit=999&type=${type}`, 'payment')).retries

function books<Row>(sql: string): Row[] {
  const database = new Sqlite(join(system.dataDir, 'payment-gateway.db'), { readonly: true })
  const rows = database.prepare(sql).all() as Row[]
  database.close()
  return rows
}

/** Calls that were made and failed; what the breaker kept back is no attempt and is not told so. */
const failedCalls = async () =>
  (await system.log('payment')).filter(({ msg }) => msg === 'failed, will be tried again').length

async function expectNothingLeft(): Promise<void> {
  await eventually('no message is left anywhere', async () => {
    const { 'payment.deadline.queue': _, ...waiting } = await vhost.waiting()
    return Object.keys(waiting).length === 0
  })
  const { retries } = await system.get<{ retries: Retry[] }>('/retries', 'payment')
  expect(retries).toEqual([])
}

it('too many calls during a sale: few are made while it lasts, no order is cancelled, and each is charged once', async () => {
  await writeFile(down(), String(RETRY_AFTER_SECONDS))
  const orderIds = Array.from({ length: ORDERS }, (_, number) => `sale-${number}`)
  await Promise.all(orderIds.map((orderId) => place({ orderId })))
  await eventually(
    'all of them wait for the provider',
    async () => (await waitingRetries('inventory.reserved')).length === ORDERS,
    60_000,
  )
  const burst = await failedCalls()
  expect(burst).toBeLessThanOrEqual(BURST_MAX)
  await eventually(
    'it was asked again, and asked for more patience',
    async () => (await failedCalls()) >= burst + 2,
    60_000,
  )
  expect(await failedCalls()).toBeLessThanOrEqual(BURST_MAX + 10)
  expect((await system.log('payment')).map(({ msg }) => msg)).toContain(
    'not called for a while: its circuit breaker is open',
  )
  await rm(down())

  const orders = await endedAll(system, orderIds, 120_000)
  expect(orders.filter(({ status }) => status !== 'completed')).toEqual([])
  expect(books('select key, status, calls from charges')).toHaveLength(ORDERS)
  expect(books(`select key from charges where status <> 'charged' or amount_cents <> 1000 or calls <> 1`)).toEqual([])
  await expectAgreement(system, orders, initial)
  await expectNothingLeft()
}, 300_000)

it('charges that are to go back stay due while nothing is answered and the service is killed, and go back once each', async () => {
  await place({ orderId: 'kept' })
  await becomes('kept', 'completed')
  await system.terminate('shipping')
  const refused = ['refused-1', 'refused-2', 'refused-3']
  for (const orderId of refused) await place({ orderId, shippingAddress: 'Nowhere 1' })
  for (const orderId of refused) await becomes(orderId, 'paid')
  const silent = { orderId: 'silent', items: [{ sku: 'item10', quantity: 11 }] }
  await place(silent)
  await becomes('silent', 'awaiting_confirmation')

  await writeFile(down(), '')
  await system.start('shipping')
  const refund = await fetch(`${system.url('order')}/orders/kept/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'back' },
    body: JSON.stringify({ reason: 'damaged' }),
  })
  expect(refund.status).toBe(202)
  for (const orderId of [...refused, 'silent']) await becomes(orderId, 'cancelled')
  const due = async () => {
    const [voids, refunds] = await Promise.all([waitingRetries('payment.void'), waitingRetries('payment.refund')])
    return [...voids, ...refunds]
  }
  const owed = ['kept', ...refused, 'silent']
  await eventually(
    'each was tried, and failed',
    async () => {
      const rows = await due()
      return rows.length === owed.length && rows.every(({ attempts }) => attempts > 0)
    },
    60_000,
  )
  await system.kill('payment')
  await system.start('payment')
  await eventually('they are tried again', async () => (await due()).some(({ attempts }) => attempts > 1), 60_000)
  expect((await due()).map(({ subject }) => subject).sort()).toEqual(owed)
  expect(books('select * from refunds')).toEqual([])
  await rm(down())

  await eventually('nothing is due any more', async () => (await due()).length === 0, 120_000)
  expect(books('select key, status from charges order by key')).toEqual([
    { key: 'kept', status: 'refunded' },
    ...refused.map((key) => ({ key, status: 'refunded' })),
    { key: 'silent', status: 'voided' },
  ])
  expect(books('select key, amount_cents from refunds order by key')).toEqual(
    ['kept', ...refused].map((key) => ({ key, amount_cents: 1_000 })),
  )
  for (const orderId of ['kept', ...refused])
    await eventually(`${orderId} shows it`, async () => {
      const { refundedCents } = await system.get<{ refundedCents: number }>(`/orders/${orderId}`)
      return refundedCents === 1_000
    })
  await expectNothingLeft()
}, 300_000)
