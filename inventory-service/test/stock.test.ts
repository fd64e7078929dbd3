// Messages over a real database: the stock moves with the reservations and can never go below zero.
import { join } from 'node:path'
import { OrderCreated } from '@orders/shared/contracts'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defaultCatalogue } from '../catalogue.ts'
import { handlers, setStock } from '../handlers.ts'
import { addMissing, listStock, stockOf } from '../store.ts'

const at = '2026-01-01T00:00:00.000Z'
const context = { now: at, attempt: 1, redelivered: false }

let folder: Awaited<ReturnType<typeof scratchFolder>>
let database: Database

beforeEach(async () => {
  folder = await scratchFolder()
  database = openSqlite(join(folder.path, 'inventory.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
  await database.transaction((tx) => addMissing(tx, defaultCatalogue(5)))
})

afterEach(async () => {
  await database.close()
  await folder.remove()
})

async function hear(type: string, orderId: string, data: object = {}): Promise<string[]> {
  const handler = handlers.find((one) => one.type === type)
  const event = { id: `${orderId}/${type}`, source: '/test', type, subject: orderId, time: at, data }
  const messages = await database.transaction(async (tx) => handler?.handle(event, tx, context, undefined))
  return (messages ?? []).map((message) => message.type)
}

const order = (orderId: string, quantity: number) =>
  hear(OrderCreated.type, orderId, { user: 'ann', priority: 'standard', lines: [{ sku: 'item1', quantity }] })

it('goods are set aside once, then sold', async () => {
  expect(await order('o1', 2)).toEqual(['inventory.reserved'])
  expect(await order('o1', 2)).toEqual([])
  expect(await stockOf(database, 'item1')).toMatchObject({ available: 3, reserved: 2, committed: 0 })
  expect(await hear('payment.success', 'o1')).toEqual(['inventory.committed'])
  expect(await hear('payment.success', 'o1')).toEqual([])
  expect(await stockOf(database, 'item1')).toMatchObject({ available: 3, reserved: 0, committed: 2 })
})

it('the last goods go to one order only', async () => {
  expect(await order('o1', 4)).toEqual(['inventory.reserved'])
  expect(await order('o2', 2)).toEqual(['inventory.out_of_stock'])
  expect(await hear('payment.failed', 'o1')).toEqual(['inventory.released'])
  expect(await order('o3', 5)).toEqual(['inventory.reserved'])
  expect(await stockOf(database, 'item1')).toMatchObject({ available: 0, reserved: 5, committed: 0 })
})

it('the database itself refuses a stock below zero', async () => {
  await expect(database.run("update stock set available = available - 6 where sku = 'item1'")).rejects.toThrow('CHECK')
})

it('starting again keeps the stock and the prices that are there', async () => {
  await order('o1', 2)
  const before = await listStock(database)
  await database.transaction((tx) => addMissing(tx, defaultCatalogue(5)))
  expect(await listStock(database)).toEqual(before)
})

it('an operator sets the stock, and a new SKU needs a price', async () => {
  const set = (wanted: { sku: string; available: number; unitPriceCents?: number }) =>
    database.transaction((tx) => setStock(tx, wanted, at))
  expect((await set({ sku: 'item1', available: 9 })).result).toMatchObject({ available: 9, reserved: 0 })
  await expect(set({ sku: 'new', available: 1 })).rejects.toMatchObject({ status: 400, code: 'price_required' })
  expect((await set({ sku: 'new', available: 1, unitPriceCents: 5 })).messages).toHaveLength(1)
})
