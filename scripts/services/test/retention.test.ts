// What has ended and is older than KEEP_DAYS leaves every service; what is open or young stays as it is, and nothing that comes late is
// taken for new.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { OrderCreated, OrderPaid, registry } from '@orders/shared/contracts'
import { encode, type Publication } from '@orders/shared/messaging'
import { heal, readConfig } from '@orders/shared/runtime'
import { openDatabase } from '@orders/shared/storage'
import { eventually, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bringBack } from '../../../audit-service/archive/bring-back.ts'
import { readWhole } from '../../../audit-service/archive/files.ts'
import { signerOf } from '../../../audit-service/proof/note.ts'
import { signingKey } from '../../../audit-service/proof/signing-key.ts'
import { archivesOf } from '../../../audit-service/reading/archives/store.ts'
import { definitions } from '../definitions.ts'
import { startInMemory } from '../in-memory.ts'
import { restingBroker } from './settled.ts'

type Running = Awaited<ReturnType<typeof startInMemory>>

const MASTER_KEY_OF_ALL = Buffer.alloc(32, 'of all').toString('base64')

let folder: Awaited<ReturnType<typeof scratchFolder>>
const running = new Map<string, Running>()
let daysLater = 0
const now = () => new Date(Date.now() + daysLater * 86_400_000)

beforeAll(async () => {
  folder = await scratchFolder()
  const environment = {
    DATA_DIR: folder.path,
    MASTER_KEY: MASTER_KEY_OF_ALL,
    KEEP_DAYS: '100',
    KEEP_AUDIT_DAYS: '100',
    // So the audit follows its log at once.
    AUDIT_GAP_AFTER_MS: '200',
    CONTACT_ORDERS_PER_HOUR: '0',
    RELEASE_POLL_MS: '50',
    // What is open stays open, however far the clock is set.
    SHIPPING_TRANSIT_MS: '600000',
    TIMER_LOOK_MS: '3600000',
    REMINDERS_AFTER_MS: '0',
  }
  for (const definition of definitions)
    running.set(definition.name, await startInMemory(definition, { environment, broker, now }))
}, 60_000)
afterAll(async () => {
  for (const one of running.values()) await one.close()
  await folder.remove()
}, 60_000)

const url = (noun: string) => `${running.get(`${noun}-service`)?.url}`
const get = async <T>(noun: string, path: string) => (await (await fetch(url(noun) + path)).json()) as T
const everyService = ['order', 'inventory', 'payment', 'shipping', 'notification', 'audit']

/** Nothing is to be handled again, and everybody is told: nothing is under way that would be too old once the clock is set. */
async function isIdle(): Promise<boolean> {
  for (const noun of everyService)
    if ((await get<{ retries: object[] }>(noun, '/retries')).retries.length > 0) return false
  const { notifications } = await get<{ notifications: { status: string }[] }>('notification', '/notifications')
  return notifications.every(({ status }) => !['held', 'waiting'].includes(status))
}
const { broker, settled } = restingBroker(isIdle)
const post = (noun: string, path: string, body: object, headers = {}) =>
  fetch(url(noun) + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
const place = (orderId: string, more: object = {}, headers = {}) =>
  post('order', '/orders', { orderId, user: 'gayal', items: ['item1'], ...more }, headers)
const stands = (orderId: string, status: string) =>
  eventually(`${orderId} is ${status}`, async () => {
    return (await get<{ status: string }>('order', `/orders/${orderId}`)).status === status
  })
const sweep = (noun: string) => running.get(`${noun}-service`)?.sweep()

/** Whose rows the tables have: by the table the ids of orders. */
async function rows(): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  const tables: [service: string, table: string, column: string][] = [
    ['order-service', 'facts', 'order_id'],
    ['order-service', 'orders', 'order_id'],
    ['order-service', 'idempotency_keys', 'order_id'],
    ['inventory-service', 'reservations', 'order_id'],
    ['payment-service', 'payments', 'order_id'],
    ['shipping-service', 'shipments', 'order_id'],
    ['notification-service', 'notifications', 'order_id'],
    ['notification-service', 'deliveries', `(select order_id from notifications where id = notification_id)`],
  ]
  for (const [service, table, column] of tables) {
    const database = await openDatabase(service, folder.path)
    const all = await database.all<{ id: string }>(`select distinct ${column} as id from ${table} order by 1`)
    await database.close()
    found[table] = all.map(({ id }) => id)
  }
  return found
}

it('what has ended leaves; what is open or young stays, and nothing late is taken for new', async () => {
  await place('done', {}, { 'idempotency-key': 'once' })
  await place('out', { items: ['soldout'] })
  await place('declined', { paymentMethod: 'tok_declined' })
  await place('nowhere', { shippingAddress: 'nowhere 1' })
  await place('road')
  for (const one of ['done', 'road']) await stands(one, 'shipped')
  await post('shipping', '/shipments/done/delivered', {})
  await stands('done', 'completed')
  for (const one of ['out', 'declined', 'nowhere']) await stands(one, 'cancelled')
  await settled()
  const before = await rows()
  const road = await get<object>('order', '/orders/road')

  daysLater = 99
  for (const one of everyService) await sweep(one)
  expect(await rows()).toEqual(before)

  daysLater = 101
  // The others wait for order-service, whoever looks first.
  for (const one of ['inventory', 'payment', 'shipping']) await sweep(one)
  const { notifications: _, deliveries: __, ...ofOrders } = before
  expect(await rows()).toMatchObject(ofOrders)
  await place('young')
  await stands('young', 'shipped')
  await settled()
  daysLater = 102.5
  // New orders come while rows are removed.
  const placing = ['a', 'b', 'c', 'd', 'e'].map((one) => place(`new-${one}`))
  for (const one of everyService) await sweep(one)
  await Promise.all(placing)
  for (const one of ['a', 'b', 'c', 'd', 'e']) await stands(`new-${one}`, 'shipped')
  await settled()

  const young = ['new-a', 'new-b', 'new-c', 'new-d', 'new-e']
  const open = [...young, 'road', 'young']
  const after = await rows()
  expect(after.orders).toEqual(open)
  expect(after.reservations).toEqual(open)
  expect(after.payments).toEqual(open)
  expect(after.shipments).toEqual(open)
  expect(after.idempotency_keys).toEqual([])
  expect(after.notifications).toEqual([...young, 'young'])
  // Of what has ended its id is left, and nothing else.
  expect(after.facts).toEqual([...open, 'declined', 'done', 'nowhere', 'out'].sort())
  expect(await get<object>('order', '/orders/road')).toEqual(road)

  // Its id is taken for ever, and it is shown no more.
  expect((await fetch(`${url('order')}/orders/done`)).status).toBe(404)
  const again = await place('done')
  expect(again.status).toBe(409)
  expect(await again.json()).toMatchObject({ code: 'order_exists' })

  // A repeat of what was said then is refused, where it was heard, and sells nothing a second time.
  const sold = await get<object>('inventory', '/stock')
  await broker.connect('late').publish(late('done'))
  await settled()
  const failed = async () => (await get<{ failed: { code: string }[] }>('audit', '/failed?limit=100')).failed
  await eventually('it is given up on', async () => (await failed()).some(({ code }) => code === 'too_old'))
  expect(new Set((await failed()).map(({ code }) => code))).toEqual(new Set(['too_old']))
  expect(await get<object>('inventory', '/stock')).toEqual(sold)
  expect(await rows()).toEqual(after)

  // What was on the road all the time ends as any order does.
  await post('shipping', '/shipments/road/delivered', {})
  await stands('road', 'completed')
  await settled()
}, 60_000)

/** As it was published, but for the customer, when the order was placed. */
function late(orderId: string): Publication {
  const at = new Date().toISOString()
  const data = { user: 'gayal', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
  return encode(registry, OrderCreated.of(orderId, at, data), 'order-service', {})
}

/** What was said of it in a month that has left, and nothing else since. */
function lateProgress(orderId: string): Publication {
  const at = new Date().toISOString()
  return encode(registry, OrderPaid.of(orderId, at, { user: 'gayal', priority: 'standard' }), 'order-service', {})
}

it('old months of the audit leave as files; stories, gaps and heal say so, and what is read back is told again', async () => {
  daysLater = 250
  const story = (orderId: string) => fetch(`${url('audit')}/audit/orders/${orderId}`)
  await eventually('the log was followed, and what it said then is archived', async () => {
    await sweep('audit')
    return (await story('out')).status === 410
  })
  expect(await get<object>('audit', '/audit/verify')).toMatchObject({ ok: true, archived: expect.any(Number) })
  const files = await readdir(join(folder.path, 'audit-archive'))
  const { detail } = (await (await story('out')).json()) as { detail: string }
  expect(files.some((file) => detail.includes(file))).toBe(true)
  // What comes so late is there, whichever months have left.
  await broker.connect('later').publish(lateProgress('done'))
  await eventually('it is kept', async () => (await story('done')).status === 200)
  const told = (await (await story('done')).json()) as { archived: string[]; gaps: object[] }
  expect(told.gaps).toEqual([])
  expect(files).toEqual(expect.arrayContaining(told.archived))
  expect(told.archived).not.toEqual([])
  const { gaps } = await get<{ gaps: { orderId: string }[] }>('audit', '/audit/gaps')
  expect(gaps.map(({ orderId }) => orderId)).not.toContain('done')

  await running.get('shipping-service')?.close()
  running.delete('shipping-service')
  await expect(healed('shipping-service')).rejects.toMatchObject({ code: 'archived' })
  await readBack()
  await healed('shipping-service')
  expect((await story('out')).status).toBe(200)
}, 60_000)

async function healed(service: string): Promise<void> {
  const definition = definitions.find(({ name }) => name === service)
  if (!definition) throw new Error(`no ${service}`)
  const connection = broker.connect(`${service} heal`)
  const settings = readConfig(definition.config, { DATA_DIR: folder.path, MASTER_KEY: MASTER_KEY_OF_ALL })
  const { log } = await keepingLog()
  try {
    const seams = { broker: connection, log, now, progress: () => undefined }
    await heal(definition, settings as Parameters<typeof heal>[1], seams)
  } finally {
    await connection.close(0)
  }
}

/** As `npm run archive -- import` does. */
async function readBack(): Promise<void> {
  const signer = signerOf('localhost/audit', signingKey(undefined, folder.path))
  const database = await openDatabase('audit-service', folder.path)
  const until = new Date(now().getTime() + 86_400_000).toISOString()
  for (const one of await archivesOf(database)) {
    const read = await readWhole(join(folder.path, 'audit-archive', one.file), signer, one.sha256)
    await bringBack(database, one, read, until)
  }
  await database.close()
}
