// A service whose database is lost is rebuilt from the audit, whatever its orders have come to; and every table says how it comes back.
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createLog, heal, kernelsTables, readConfig, type Tables } from '@orders/shared/runtime'
import { openDatabase } from '@orders/shared/storage'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { definitions } from '../definitions.ts'
import { startInMemory } from '../in-memory.ts'
import { restingBroker } from './settled.ts'

type Running = Awaited<ReturnType<typeof startInMemory>>

let folder: Awaited<ReturnType<typeof scratchFolder>>
const running = new Map<string, Running>()

const environment = () => ({
  ...{
    DATA_DIR: folder.path,
    MASTER_KEY: Buffer.alloc(32, 'of all').toString('base64'),
    SHIPPING_TRANSIT_MS: '600000',
    CONTACT_ORDERS_PER_HOUR: '0',
    RELEASE_POLL_MS: '50',
  },
})
const definitionOf = (service: string) => {
  const found = definitions.find(({ name }) => name === service)
  if (!found) throw new Error(`no ${service}`)
  return found
}
const start = async (service: string) =>
  running.set(service, await startInMemory(definitionOf(service), { environment: environment(), broker }))
const stop = async (service: string) => {
  await running.get(service)?.close()
  running.delete(service)
}

beforeAll(async () => {
  folder = await scratchFolder()
  for (const { name } of definitions) await start(name)
}, 60_000)
afterAll(async () => {
  for (const { name } of definitions) await stop(name)
  await folder.remove()
}, 60_000)

const url = (service: string) => `${running.get(`${service}-service`)?.url}`
const get = async <T>(service: string, path: string) => (await (await fetch(url(service) + path)).json()) as T
/** Nothing is to be handled again, and nobody is being told; a reminder is held until its time. */
async function isIdle(): Promise<boolean> {
  for (const noun of NOUNS) if ((await get<{ retries: object[] }>(noun, '/retries')).retries.length > 0) return false
  const { notifications } = await get<{ notifications: Told[] }>('notification', '/notifications')
  return notifications.every(({ status }) => status !== 'waiting')
}
const { broker, settled } = restingBroker(isIdle)
const post = (service: string, path: string, body: object, headers = {}) =>
  fetch(url(service) + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

interface Order {
  status: string
  facts: { type: string }[]
  refunds: { status: string }[]
  [field: string]: unknown
}
const order = (orderId: string) => get<Order>('order', `/orders/${orderId}`)
const stands = (orderId: string, status: string) =>
  eventually(`${orderId} is ${status}`, async () => (await order(orderId)).status === status)
const place = (orderId: string, more: object = {}) =>
  post('order', '/orders', { orderId, user: 'gayal', items: ['item1'], ...more })
const delivered = (orderId: string) => post('shipping', `/shipments/${orderId}/delivered`, {})

const dear = { items: [{ sku: 'item10', quantity: 20 }] }
const NOUNS = ['order', 'inventory', 'payment', 'shipping', 'notification']
const KINDS = ['done', 'back', 'road', 'asked', 'off', 'out', 'declined', 'nowhere']

/** One order of each kind: `road` and `asked` are open. */
async function placeEveryKind(of: string): Promise<void> {
  await place(`${of}-done`)
  await place(`${of}-back`)
  await place(`${of}-road`, { priority: 'express' })
  await place(`${of}-asked`, dear)
  await place(`${of}-off`, dear)
  await place(`${of}-out`, { items: ['soldout'] })
  await place(`${of}-declined`, { paymentMethod: 'tok_declined' })
  await place(`${of}-nowhere`, { shippingAddress: 'nowhere 1' })
  for (const kind of ['done', 'back', 'road']) await stands(`${of}-${kind}`, 'shipped')
  for (const kind of ['done', 'back']) await delivered(`${of}-${kind}`)
  for (const kind of ['done', 'back']) await stands(`${of}-${kind}`, 'completed')
  await post('order', `/orders/${of}-back/refund`, { reason: 'broken' }, { 'idempotency-key': of })
  await eventually('it is given back', async () => (await order(`${of}-back`)).refunds[0]?.status === 'refunded')
  for (const kind of ['asked', 'off']) await stands(`${of}-${kind}`, 'awaiting_confirmation')
  await post('order', `/orders/${of}-off/cancel`, {})
  for (const kind of ['off', 'out', 'declined', 'nowhere']) await stands(`${of}-${kind}`, 'cancelled')
}

async function finish(of: string): Promise<void> {
  await post('order', `/orders/${of}-asked/payment/confirm`, {})
  await stands(`${of}-asked`, 'shipped')
  for (const kind of ['asked', 'road']) await delivered(`${of}-${kind}`)
  for (const kind of ['asked', 'road']) await stands(`${of}-${kind}`, 'completed')
}

/** What everybody can see of these orders, and of what was done about them outside. */
async function seenOf(of: string) {
  const orders = await Promise.all(KINDS.map((kind) => order(`${of}-${kind}`)))
  const payments = await Promise.all(KINDS.map((kind) => get<object>('payment', `/payments/${of}-${kind}`)))
  const shipments = await Promise.all(KINDS.map((kind) => get<object>('shipping', `/shipments/${of}-${kind}`)))
  const told = await Promise.all(
    KINDS.map((kind) => get<{ notifications: Told[] }>('notification', `/notifications?orderId=${of}-${kind}`)),
  )
  return {
    stock: (await get<{ stock: object[] }>('inventory', '/stock')).stock,
    orders: orders.map(({ facts, ...rest }) => ({ ...undated(rest), facts: facts.map(({ type }) => type).sort() })),
    payments: payments.map(undated),
    shipments: shipments.map(undated),
    told: told.map(({ notifications }) => notifications.map(({ id, status }) => `${id} ${status}`).sort()),
  }
}
/** When something was learnt is when it was said, for whoever learns it again. */
const undated = (what: object) =>
  JSON.parse(JSON.stringify(what, (key, value) => (/^(at|updatedAt|createdAt)$/.test(key) ? '' : value)))

interface Told {
  id: string
  status: string
}

async function healed(service: string, definition = definitionOf(service)): Promise<void> {
  const connection = broker.connect(`${service} heal`)
  await heal(definition, readConfig(definition.config, environment()) as Parameters<typeof heal>[1], {
    broker: connection,
    log: await createLog({ service, level: 'silent', pretty: false }),
    now: () => new Date(),
    progress: () => undefined,
  })
  await connection.close(0)
}

const events = async () => (await get<{ kept: number }>('audit', '/audit/events?limit=1')).kept

describe.sequential('a lost database', () => {
  it.each(NOUNS)(
    'of %s-service comes back as it was, says nothing twice, and goes on',
    async (noun) => {
      const service = `${noun}-service`
      await placeEveryKind(noun)
      await settled()
      const before = { seen: await seenOf(noun), events: await events() }

      await stop(service)
      // The keys of customers with it, which the audit has too.
      for (const path of await readdir(folder.path))
        if (path.startsWith(`${service}.`)) await rm(join(folder.path, path))
      await healed(service)
      // Interrupted after its last step, it would be run again.
      await healed(service)
      await start(service)
      await settled()

      expect(await seenOf(noun)).toEqual(before.seen)
      expect(await events()).toBe(before.events)
      await finish(noun)
      await place(`${noun}-new`)
      await stands(`${noun}-new`, 'shipped')
    },
    60_000,
  )

  it('that is half rebuilt is nothing to start on', async () => {
    await stop('shipping-service')
    const failing = () => Promise.reject(new Error('interrupted'))
    const definition = { ...definitionOf('shipping-service'), recall: failing }
    await expect(healed('shipping-service', definition)).rejects.toThrow('interrupted')
    await expect(start('shipping-service')).rejects.toMatchObject({ code: 'half_healed' })
    await healed('shipping-service')
    await start('shipping-service')
  })

  it('of audit-service does not come back', async () => {
    await expect(healed('audit-service')).rejects.toMatchObject({ code: 'no_recall' })
  })
})

describe.each(definitions)('$name', ({ name, tables }) => {
  it('says of each of its tables how it comes back, and how long it is kept', async () => {
    const database = await openDatabase(name, folder.path)
    const found = await database.all<{ name: string }>(
      `select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name`,
    )
    await database.close()
    const all: Tables = { ...kernelsTables, ...tables }
    expect(Object.keys(all).sort()).toEqual(found.map((table) => table.name).sort())
    for (const { kept } of Object.values(all)) {
      if ('with' in kept) expect(all[kept.with]?.kept).toHaveProperty('days')
      // For ever is nothing that needs no reason.
      if ('forEver' in kept) expect(kept.forEver.split(' ').length).toBeGreaterThan(1)
    }
  })
})
