// Messages over a real database: the stock moves with the reservations and can never go below zero.
import { join } from 'node:path'
import { OrderCreated } from '@orders/shared/contracts'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, handleAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { defaultCatalogue } from '../catalogue.ts'
import { stateOf } from '../domain.ts'
import { adjustStock, handlers, setStock } from '../handlers.ts'
import { addMissing, listStock, stock } from '../store.ts'

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
  const handler = handlers('EUR').find((one) => one.type === type)
  const event = { id: `${orderId}/${type}`, source: '/test', type, subject: orderId, time: at, data }
  const messages = await handleAlone(database, handler, event, { context })
  return messages.map((message) => message.type)
}

const stockOf = async (sku: string) => (await stock.load(database, [sku])).get(sku)
const everything = () => listStock(database, { after: '', limit: 1_000 })

const order = (orderId: string, quantity: number) =>
  hear(OrderCreated.type, orderId, { user: 'ann', priority: 'standard', lines: [{ sku: 'item1', quantity }] })

it('goods are set aside once, then sold', async () => {
  expect(await order('o1', 2)).toEqual(['inventory.reserved'])
  expect(await order('o1', 2)).toEqual([])
  expect(await stockOf('item1')).toMatchObject({ available: 3, reserved: 2, committed: 0 })
  expect(await hear('payment.success', 'o1')).toEqual(['inventory.committed'])
  expect(await hear('payment.success', 'o1')).toEqual([])
  expect(await stockOf('item1')).toMatchObject({ available: 3, reserved: 0, committed: 2 })
})

it('the last goods go to one order only', async () => {
  expect(await order('o1', 4)).toEqual(['inventory.reserved'])
  expect(await order('o2', 2)).toEqual(['inventory.out_of_stock'])
  expect(await hear('payment.failed', 'o1')).toEqual(['inventory.released'])
  expect(await order('o3', 5)).toEqual(['inventory.reserved'])
  expect(await stockOf('item1')).toMatchObject({ available: 0, reserved: 5, committed: 0 })
})

it('goods whose price has changed are not set aside, and the decision is kept', async () => {
  const expecting = (expectedTotalCents: number) =>
    hear(OrderCreated.type, 'o1', {
      user: 'ann',
      priority: 'standard',
      lines: [{ sku: 'item1', quantity: 2 }],
      expectedTotalCents,
    })
  expect(await expecting(1_999)).toEqual(['inventory.price_changed'])
  expect(await expecting(1_999)).toEqual([])
  expect(await stockOf('item1')).toMatchObject({ available: 5, reserved: 0, committed: 0 })
})

it('the database itself refuses a stock below zero', async () => {
  await expect(database.run("update stock set available = available - 6 where sku = 'item1'")).rejects.toThrow('CHECK')
})

it('starting again keeps the stock and the prices that are there', async () => {
  await order('o1', 2)
  const before = await everything()
  await database.transaction((tx) => addMissing(tx, defaultCatalogue(5)))
  expect(await everything()).toEqual(before)
})

it('an operator sets the stock, and a new SKU needs a price', async () => {
  const set = (wanted: { sku: string; available: number; unitPriceCents?: number }) =>
    decideAlone(
      database,
      setStock(wanted, wanted.sku === 'new' ? { 'if-none-match': '*' } : { 'if-match': '"0-5-0-0"' }, at),
    )
  expect((await set({ sku: 'item1', available: 9 })).result).toMatchObject({ available: 9, reserved: 0 })
  await expect(set({ sku: 'item1', available: 9 })).rejects.toMatchObject({ status: 412 })
  await expect(set({ sku: 'new', available: 1 })).rejects.toMatchObject({ status: 400, code: 'price_required' })
  expect((await set({ sku: 'new', available: 1, unitPriceCents: 5 })).messages).toHaveLength(1)
})

it('a count that was taken before a sale sells nothing twice, and a difference is right whatever was sold', async () => {
  const counted = (await stock.load(database, ['item1'])).get('item1')
  if (!counted) throw new Error('there is no item1')
  await order('o1', 2)
  const set = decideAlone(database, setStock({ sku: 'item1', available: 5 }, { 'if-match': stateOf(counted) }, at))
  await expect(set).rejects.toMatchObject({ status: 412, code: 'precondition_failed' })
  const unconditional = decideAlone(database, setStock({ sku: 'item1', available: 5 }, {}, at))
  await expect(unconditional).rejects.toMatchObject({ status: 428, code: 'precondition_required' })
  const adjust = (key: string, difference: number, sku = 'item1') =>
    decideAlone(database, adjustStock(key, { sku, difference, reason: 'delivery' }, at))
  const { result, messages } = await adjust('k', 4)
  expect(result.available).toBe(counted.available - 2 + 4)
  expect(messages).toMatchObject([{ type: 'inventory.restocked', data: { addedQuantity: 4, reason: 'delivery' } }])
  expect(await adjust('k', 4)).toEqual({ result, messages: [] })
  await expect(adjust('k', 5)).rejects.toMatchObject({ status: 422, code: 'idempotency_key_reused' })
  await expect(adjust('l', -8)).rejects.toMatchObject({ status: 409, code: 'not_that_many' })
  await expect(adjust('m', 1, 'unknown')).rejects.toMatchObject({ status: 404, code: 'no_such_sku' })
  expect((await adjust('n', -7)).result.available).toBe(0)
})

it('the stock is read page by page, in the order of the SKUs, each of them once', async () => {
  const pages: string[][] = []
  for (let after = '', more = true; more; ) {
    const page = await listStock(database, { after, limit: 4 })
    pages.push(page.map(({ sku }) => sku))
    after = page.at(-1)?.sku ?? after
    more = page.length === 4
  }
  expect(pages.length).toBeGreaterThan(2)
  expect(pages.flat()).toEqual((await everything()).map(({ sku }) => sku))
  expect(pages.flat()).toEqual(pages.flat().toSorted())
  expect(new Set(pages.flat()).size).toBe(defaultCatalogue(5).length)
})
