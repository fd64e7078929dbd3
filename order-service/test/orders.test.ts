// Requests and messages over a real database: an order is placed once, its facts stay, its row can be derived again.
import { join } from 'node:path'
import {
  InventoryReserved,
  NotificationFailed,
  NotificationHeld,
  NotificationSent,
  PaymentFailed,
} from '@orders/shared/contracts'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Placed } from '../domain.ts'
import { handlers, placeOrder, requestCancellation } from '../handlers.ts'
import { factsOf, listOrders, noticesOf, rebuildOrders } from '../store.ts'

const at = '2026-01-01T00:00:00.000Z'
const placed: Placed = { user: 'ann', priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] }
const context = { now: at, attempt: 1, redelivered: false }

let folder: Awaited<ReturnType<typeof scratchFolder>>
let database: Database

beforeEach(async () => {
  folder = await scratchFolder()
  database = openSqlite(join(folder.path, 'order.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
})

afterEach(async () => {
  await database.close()
  await folder.remove()
})

const place = (orderId: string, changes: { key?: string; placed?: Partial<Placed> } = {}) =>
  database.transaction((tx) =>
    placeOrder(tx, { orderId, key: changes.key, placed: { ...placed, ...changes.placed }, at }),
  )

async function hear(type: string, orderId: string, data: object): Promise<string[]> {
  const handler = handlers.find((one) => one.type === type)
  const event = { id: `${orderId}/${type}`, source: '/test', type, subject: orderId, time: at, data }
  const messages = await database.transaction(async (tx) => handler?.handle(event, tx, context, undefined))
  return (messages ?? []).map((message) => message.type)
}

const reserve = (orderId: string) =>
  hear(InventoryReserved.type, orderId, {
    ...placed,
    lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }],
    totalCents: 1_000,
  })

describe('placing an order', () => {
  it('says so once and answers every repeat alike', async () => {
    const first = await place('o1')
    const second = await place('o1')
    expect(first.messages.map(({ id }) => id)).toEqual(['o1/order.created'])
    expect(second).toEqual({ result: first.result, messages: [] })
  })

  it('refuses another order under the same id', async () => {
    await place('o1')
    await expect(place('o1', { placed: { user: 'bob' } })).rejects.toMatchObject({ status: 409, code: 'order_exists' })
  })

  it('with a key places one order, whatever id the repeat would have got', async () => {
    const first = await place('generated-1', { key: 'k' })
    const second = await place('generated-2', { key: 'k' })
    expect(second).toEqual({ result: first.result, messages: [] })
    expect(await factsOf(database, 'generated-2')).toEqual([])
    await expect(place('generated-3', { key: 'k', placed: { user: 'bob' } })).rejects.toMatchObject({ status: 422 })
  })
})

describe('asking for a cancellation', () => {
  it('is heard by payment once', async () => {
    await place('o1')
    const ask = () => database.transaction((tx) => requestCancellation(tx, 'o1', at))
    expect((await ask()).messages.map(({ type }) => type)).toEqual(['order.cancel_requested'])
    expect((await ask()).messages).toEqual([])
  })

  it('is refused for an order that is unknown, paid or cancelled', async () => {
    const ask = (orderId: string) => database.transaction((tx) => requestCancellation(tx, orderId, at))
    await expect(ask('unknown')).rejects.toMatchObject({ status: 404 })
    await place('o1')
    await hear(PaymentFailed.type, 'o1', { reason: 'declined', totalCents: 1 })
    await expect(ask('o1')).rejects.toMatchObject({ status: 409, code: 'order_already_cancelled' })
  })
})

describe('the facts', () => {
  it('cannot be changed or removed', async () => {
    await place('o1')
    await expect(database.run("update facts set data = '{}'")).rejects.toThrow('append-only')
    await expect(database.run('delete from facts')).rejects.toThrow('append-only')
  })

  it('say a repeated message once', async () => {
    await place('o1')
    await reserve('o1')
    const failed = () => hear(PaymentFailed.type, 'o1', { reason: 'declined', totalCents: 1_000 })
    expect(await failed()).toEqual(['order.cancelled'])
    expect(await failed()).toEqual([])
  })

  it('give the orders back to the row after the read model was lost', async () => {
    for (const orderId of ['o1', 'o2', 'o3']) await place(orderId)
    await reserve('o1')
    await hear(PaymentFailed.type, 'o1', { reason: 'declined', totalCents: 1_000 })
    await reserve('o2')
    await reserve('never-placed')
    const all = () => database.all('select * from orders order by order_id')
    const before = await all()
    await database.run("update orders set status = 'completed', total_cents = 0, user_name = 'x', created_at = 'x'")
    await database.run("insert into orders select 'ghost', user_name, status, reason, 0, '', '' from orders limit 1")
    await database.run("delete from orders where order_id = 'o3'")
    expect(await rebuildOrders(database, () => undefined)).toBe(3)
    expect(await all()).toEqual(before)
  })
})

describe('the list', () => {
  it('goes through all orders page by page, newest first, and by status', async () => {
    for (let number = 0; number < 7; number++) await place(`o${number}`)
    await hear(PaymentFailed.type, 'o3', { reason: 'declined', totalCents: 1 })
    const page = (before?: string) => listOrders(database, { status: undefined, before, limit: 3 })
    const first = await page()
    const second = await page(first.at(-1)?.orderId)
    const third = await page(second.at(-1)?.orderId)
    expect([...first, ...second, ...third].map(({ orderId }) => orderId)).toEqual([
      'o6',
      'o5',
      'o4',
      'o3',
      'o2',
      'o1',
      'o0',
    ])
    const cancelled = await listOrders(database, { status: 'cancelled', before: undefined, limit: 10 })
    expect(cancelled.map(({ orderId }) => orderId)).toEqual(['o3'])
  })
})

describe('what became of a notification', () => {
  const about = { notificationId: 'o1.order.created', channel: 'email' }
  const failed = () => hear(NotificationFailed.type, 'o1', { ...about, reason: 'mail_refused: 554' })
  const held = (until: string) => hear(NotificationHeld.type, 'o1', { ...about, reason: 'quiet_hours', until })
  const sent = () => hear(NotificationSent.type, 'o1', { ...about, provider: 'smtp', providerId: 'm1' })
  const shown = async () => (await noticesOf(database, 'o1')).map(({ status, reason }) => ({ status, reason }))

  it('is kept with the order: a failure with its reason, until it is sent all the same', async () => {
    await place('o1')
    expect(await failed()).toEqual([])
    expect(await shown()).toEqual([{ status: 'failed', reason: 'mail_refused: 554' }])
    await sent()
    expect(await shown()).toEqual([{ status: 'sent', reason: null }])
    await failed()
    expect(await shown()).toEqual([{ status: 'sent', reason: null }])
  })

  it('is shown as held, and until when, until anything became of it', async () => {
    await place('o1')
    await held('2026-11-21T08:30:00.000Z')
    expect(await noticesOf(database, 'o1')).toMatchObject([
      { status: 'held', reason: 'quiet_hours', until: '2026-11-21T08:30:00.000Z' },
    ])
    await sent()
    expect(await noticesOf(database, 'o1')).toMatchObject([{ status: 'sent', reason: null, until: null }])
  })

  it('is nobody’s order: nothing is kept', async () => {
    await sent()
    expect(await shown()).toEqual([])
  })
})
