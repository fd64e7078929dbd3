// A service's database is lost with orders of every kind in it: rebuilt from the audit, the service goes on as if nothing had happened.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { eventually } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { capture } from '../../scripts/processes/child.ts'
import { type MailServer, startMailServer } from '../support/mail-server.ts'
import { settledAtRest } from '../support/metrics.ts'
import { expectAgreement, stockOf } from '../support/oracle.ts'
import { type ServiceName, type System, startSystem } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'

const root = join(import.meta.dirname, '..', '..')
/** A parcel of these orders is on the road until an operator says that it has arrived. */
const TRANSIT_MS = String(600_000)

let vhost: Vhost
let mail: MailServer
let system: System

beforeAll(async () => {
  vhost = await createVhost()
  mail = await startMailServer()
  system = await startSystem({
    amqpUrl: vhost.amqpUrl,
    environment: { SMTP_URL: mail.url, SHIPPING_TRANSIT_MS: TRANSIT_MS, CONTACT_ORDERS_PER_HOUR: '0' },
  })
}, 120_000)
afterAll(async () => {
  await system?.stop()
  await mail?.close()
  await vhost?.remove()
}, 60_000)

const place = (orderId: string, more: object = {}) =>
  system.post('/orders', { orderId, user: 'gayal', items: ['item1'], ...more })
const stands = (orderId: string, status: string) =>
  eventually(`${orderId} is ${status}`, async () => (await system.order(orderId)).status === status)
const delivered = (orderId: string) => system.post(`/shipments/${orderId}/delivered`, {}, 'shipping')

/** One order of each kind; those that are open stay so until `finish`. */
async function placeEveryKind(of: string): Promise<void> {
  await place(`${of}-completed`)
  await place(`${of}-refunded`)
  await place(`${of}-on-the-road`, { priority: 'express' })
  await place(`${of}-awaiting`, { items: [{ sku: 'item10', quantity: 20 }] })
  await place(`${of}-cancelled`, { items: [{ sku: 'item10', quantity: 20 }] })
  await place(`${of}-sold-out`, { items: ['soldout'] })
  await place(`${of}-declined`, { paymentMethod: 'tok_declined' })
  await place(`${of}-nowhere`, { shippingAddress: 'nowhere 1' })
  for (const kind of ['completed', 'refunded', 'on-the-road']) await stands(`${of}-${kind}`, 'shipped')
  for (const kind of ['completed', 'refunded']) await delivered(`${of}-${kind}`)
  for (const kind of ['completed', 'refunded']) await stands(`${of}-${kind}`, 'completed')
  await refund(`${of}-refunded`)
  for (const kind of ['awaiting', 'cancelled']) await stands(`${of}-${kind}`, 'awaiting_confirmation')
  await system.post(`/orders/${of}-cancelled/cancel`, {})
  for (const kind of ['cancelled', 'sold-out', 'declined', 'nowhere']) await stands(`${of}-${kind}`, 'cancelled')
}

async function refund(orderId: string): Promise<void> {
  const answer = await fetch(`${system.url('order')}/orders/${orderId}/refund`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': orderId },
    body: JSON.stringify({ reason: 'it was broken' }),
  })
  expect(answer.status).toBe(202)
  await eventually(`${orderId} is refunded`, async () => {
    const { refunds } = await system.get<{ refunds: { status: string }[] }>(`/orders/${orderId}`)
    return refunds.some(({ status }) => status === 'refunded')
  })
}

async function finish(of: string): Promise<void> {
  await system.post(`/orders/${of}-awaiting/payment/confirm`, {})
  await stands(`${of}-awaiting`, 'shipped')
  for (const kind of ['awaiting', 'on-the-road']) await delivered(`${of}-${kind}`)
  for (const kind of ['awaiting', 'on-the-road']) await stands(`${of}-${kind}`, 'completed')
}

/** What was given back on request is in stock again, and no completed sale. */
const KINDS = ['completed', 'on-the-road', 'awaiting', 'cancelled', 'sold-out', 'declined', 'nowhere']

const heal = (service: ServiceName) =>
  capture(process.execPath, ['scripts/bootstrap.mjs', 'scripts/heal.ts', '--service', service], {
    cwd: root,
    env: { ...process.env, DATA_DIR: system.dataDir, AMQP_URL: vhost.amqpUrl, MANAGEMENT_URL: 'off' },
  })

/** What anybody sees of the orders of each kind. */
async function ordersOf(of: string) {
  const orders = await Promise.all([...KINDS, 'refunded'].map((kind) => system.order(`${of}-${kind}`)))
  return orders.map(({ facts, ...order }) => ({ ...undated(order), facts: facts.map(({ type }) => type).sort() }))
}

/** When something was learnt is when it was said, for whoever learns it again. */
const undated = (what: object) =>
  JSON.parse(JSON.stringify(what, (key, value) => (/^(at|updatedAt)$/.test(key) ? '' : value)))

const readiness = (service: ServiceName) =>
  fetch(`${system.url(service)}/health/ready`).then(
    (answer) => answer.text(),
    () => 'does not listen yet',
  )

/** No message waits but the timers of what is open, and nobody waits to be told. */
const settled = () =>
  eventually(
    'all is settled',
    async () => {
      await settledAtRest(system, vhost)
      const { notifications } = await system.get<{ notifications: object[] }>(
        '/notifications?status=waiting',
        'notification',
      )
      return notifications.length === 0
    },
    60_000,
  )
/** All that was ever mailed, by Message-ID. */
const mailed = () => [...mail.accepted].sort()

it.each(['order', 'inventory', 'payment', 'shipping', 'notification'] as const)(
  '%s-service is rebuilt: open orders end, nothing is charged or told twice',
  async (service) => {
    const initial = await stockOf(system)
    await placeEveryKind(service)
    await settled()
    const before = { stock: await stockOf(system), mails: mailed(), orders: await ordersOf(service) }

    await expect(heal(service)).rejects.toThrow(/runs, or another program has its database open/)
    await system.terminate(service)
    for (const suffix of ['', '-wal', '-shm'])
      await rm(join(system.dataDir, `${service}-service.db${suffix}`), { force: true })
    await system.launch(service, 1)
    await eventually(
      'it says that it is behind',
      async () => (await readiness(service)).includes(`npm run heal -- --service ${service}-service`),
      45_000,
    )
    await system.terminate(service)
    expect(await heal(service)).toContain(`${service}-service is rebuilt`)
    await system.start(service)
    await settled()
    expect(await stockOf(system)).toEqual(before.stock)
    expect(await ordersOf(service)).toEqual(before.orders)
    expect(mailed()).toEqual(before.mails)

    await finish(service)
    await placeEveryKind(`${service}-since`)
    await finish(`${service}-since`)
    await settled()
    const ended = await Promise.all(
      [service, `${service}-since`].flatMap((of) => KINDS.map((kind) => system.order(`${of}-${kind}`))),
    )
    await expectAgreement(system, ended, initial)
    expect(mailed().filter(([, times]) => times > 1)).toEqual([])
    const paidBack = await system.get(`/payments/${service}-refunded`, 'payment')
    expect(paidBack).toMatchObject({ status: 'refunded' })
  },
  300_000,
)

it('audit-service cannot be rebuilt: what to do is said', async () => {
  await expect(heal('audit')).rejects.toThrow(/audit-service cannot be rebuilt from the audit log: restore a backup/)
})
