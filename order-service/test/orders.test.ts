// Requests and messages over a real database: an order is placed once, its facts stay, its row can be derived again.
import { join } from 'node:path'
import { InventoryReserved, PaymentFailed, PaymentSuccess, registry, topology } from '@orders/shared/contracts'
import { createGroupCommit, createOutbox, type Work } from '@orders/shared/messaging'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { createMemoryBroker, decideAlone, handleAlone, keepingLog, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openPseudonyms, pseudonyms, spellingsOf } from '../customers.ts'
import type { Placed } from '../facts.ts'
import { handlers, placeOrder, requestCancellation } from '../handlers.ts'
import { COUNT_OPEN, countOpen, fillCustomers, listOrders, orders, rebuildOrders } from '../store.ts'

const at = '2026-01-01T00:00:00.000Z'
const placed: Placed = { user: 'ann', priority: 'standard', lines: [{ sku: 'item1', quantity: 1 }] }
const context = { now: at, attempt: 1, redelivered: false }

let folder: Awaited<ReturnType<typeof scratchFolder>>
let database: Database

beforeEach(async () => {
  folder = await scratchFolder()
  database = openSqlite(join(folder.path, 'order.db'))
  const root = join(import.meta.dirname, '..', '..')
  await migrate(database, [join(root, 'shared/storage/migrations'), join(root, 'order-service/migrations')])
})

afterEach(async () => {
  await database.close()
  await folder.remove()
})

interface Changes {
  key?: string
  isOwnId?: boolean
  placed?: Partial<Placed>
}
const placing = (orderId: string, changes: Changes = {}) =>
  placeOrder({ orderId, isOwnId: changes.isOwnId, key: changes.key, placed: { ...placed, ...changes.placed }, at })
const place = (orderId: string, changes?: Changes) => decideAlone(database, placing(orderId, changes))

async function hear(type: string, orderId: string, data: object): Promise<string[]> {
  const handler = handlers.find((one) => one.type === type)
  const event = { id: `${orderId}/${type}`, source: '/test', type, subject: orderId, time: at, data }
  const messages = await handleAlone(database, handler, event, { context })
  return messages.map((message) => message.type)
}

const reserve = (orderId: string) =>
  hear(InventoryReserved.type, orderId, {
    ...placed,
    lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 1_000 }],
    totalCents: 1_000,
  })

const factsOf = async (orderId: string) => (await orders.load(database, [orderId])).get(orderId)

/** Submitted at the same moment, and so decided in one group; what each was told. */
async function together<T>(works: Work<T>[]): Promise<PromiseSettledResult<T>[]> {
  const { log } = await keepingLog()
  const broker = createMemoryBroker(topology).connect('order-service')
  const outbox = createOutbox({ database, broker, log, now: () => new Date(at) })
  const commit = createGroupCommit({ database, outbox, service: 'order-service', registry, now: () => new Date(at) })
  const told = await Promise.allSettled(works.map((work) => commit.submit(work)))
  await commit.close()
  await outbox.close()
  return told
}

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
    const generated = (orderId: string, changes: Changes) => place(orderId, { ...changes, isOwnId: false })
    const first = await generated('generated-1', { key: 'k' })
    const second = await generated('generated-2', { key: 'k' })
    expect(second).toEqual({ result: first.result, messages: [] })
    expect(await factsOf('generated-2')).toBeUndefined()
    await expect(generated('generated-3', { key: 'k', placed: { priority: 'express' } })).rejects.toMatchObject({
      status: 422,
    })
  })

  it('with a key means the whole request, the client’s own id included', async () => {
    await place('A', { key: 'K' })
    await expect(place('B', { key: 'K' })).rejects.toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    await expect(place('generated', { key: 'K', isOwnId: false })).rejects.toMatchObject({ status: 422 })
    expect([await factsOf('B'), await factsOf('generated')]).toEqual([undefined, undefined])
    expect((await place('A', { key: 'K' })).result).toMatchObject({ orderId: 'A' })
  })

  it('keeps a key that comes with an order that is there already', async () => {
    await place('A')
    expect((await place('A', { key: 'K2' })).result).toMatchObject({ orderId: 'A' })
    const other = place('A', { key: 'K2', placed: { priority: 'express' } })
    await expect(other).rejects.toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    await expect(place('B', { key: 'K2', placed: { priority: 'express' } })).rejects.toMatchObject({ status: 422 })
    expect(await factsOf('B')).toBeUndefined()
  })

  it('keeps no key of a request that was refused', async () => {
    await place('A')
    await expect(place('A', { key: 'K3', placed: { user: 'bob' } })).rejects.toMatchObject({ status: 409 })
    expect((await place('B', { key: 'K3', placed: { user: 'bob' } })).result).toMatchObject({ orderId: 'B' })
  })

  it('knows the keys of an earlier version by their order alone', async () => {
    await place('A')
    await database.run("insert into idempotency_keys (idempotency_key, order_id) values ('old', 'A')")
    expect((await place('A', { key: 'old' })).result).toMatchObject({ orderId: 'A' })
    await expect(place('A', { key: 'old', placed: { priority: 'express' } })).rejects.toMatchObject({ status: 422 })
  })

  it('with a key that another customer has used too is placed for each of them', async () => {
    const [ann, bob, cy] = [{ user: 'ann' }, { user: 'bob' }, { user: 'cy' }]
    await place('A', { key: 'K', placed: ann })
    for (const [orderId, customer] of [
      ['B', bob],
      ['C', cy],
    ] as const) {
      expect((await place(orderId, { key: 'K', placed: customer })).result).toMatchObject({ orderId, ...customer })
      const repeat = await place(orderId, { key: 'K', placed: customer })
      expect(repeat).toMatchObject({ result: { orderId }, messages: [] })
      const another = place(orderId, { key: 'K', placed: { ...customer, priority: 'express' } })
      await expect(another).rejects.toMatchObject({ status: 422, code: 'idempotency_key_reused' })
    }
    expect(await place('A', { key: 'K', placed: ann })).toMatchObject({ result: { orderId: 'A' }, messages: [] })
  })

  it('under another customer’s id is refused in the words that anybody gets', async () => {
    await place('A')
    const told = await Promise.allSettled([
      place('A', { placed: { user: 'bob' } }),
      place('A', { key: 'K', placed: { user: 'bob' } }),
      place('A', { placed: { priority: 'express' } }),
    ])
    for (const one of told)
      expect(one).toMatchObject({ reason: { status: 409, message: 'order A exists with other content' } })
  })

  it('is the same whichever version’s pseudonym it was kept with', async () => {
    await place('A', { key: 'K' })
    const customerId = 'cus_abcdefghijklmnopqrstuvwxyz'
    expect((await place('A', { key: 'K', placed: { customerId } })).messages).toEqual([])
    expect((await place('A', { placed: { customerId } })).messages).toEqual([])
  })

  it('by several requests at the same moment is placed by the first, whether a key or an id makes them one', async () => {
    const told = await together([
      placing('generated-1', { key: 'k', isOwnId: false }),
      placing('generated-2', { key: 'k', isOwnId: false }),
      placing('generated-1'),
      placing('generated-3', { key: 'k', isOwnId: false, placed: { priority: 'express' } }),
      placing('generated-1', { placed: { user: 'bob' } }),
      placing('other', { key: 'l' }),
    ])
    expect(told).toMatchObject([
      { value: { orderId: 'generated-1' } },
      { value: { orderId: 'generated-1' } },
      { value: { orderId: 'generated-1' } },
      { reason: { status: 422, code: 'idempotency_key_reused' } },
      { reason: { status: 409, code: 'order_exists' } },
      { value: { orderId: 'other' } },
    ])
    expect(await factsOf('generated-1')).toHaveLength(1)
    expect([await factsOf('generated-2'), await factsOf('generated-3')]).toEqual([undefined, undefined])
  })
})

describe('asking for a cancellation', () => {
  it('is heard by payment once', async () => {
    await place('o1')
    const ask = () => decideAlone(database, requestCancellation({ orderId: 'o1', at }))
    expect((await ask()).messages.map(({ type }) => type)).toEqual(['order.cancel_requested'])
    expect((await ask()).messages).toEqual([])
  })

  it('is refused for an order that is unknown, paid or cancelled', async () => {
    const ask = (orderId: string) => decideAlone(database, requestCancellation({ orderId, at }))
    await expect(ask('unknown')).rejects.toMatchObject({ status: 404 })
    await place('o1')
    await hear(PaymentFailed.type, 'o1', { reason: 'declined', totalCents: 1 })
    await expect(ask('o1')).rejects.toMatchObject({ status: 409, code: 'order_already_cancelled' })
    await place('o2')
    await hear(PaymentSuccess.type, 'o2', { chargeId: 'ch_1' })
    await expect(ask('o2')).rejects.toMatchObject({ status: 409, code: 'order_already_paid' })
  })
})

describe('the facts', () => {
  it('cannot be changed or removed', async () => {
    await place('o1')
    await expect(database.run("update facts set data = '{}'")).rejects.toThrow('append-only')
    await expect(database.run('delete from facts')).rejects.toThrow('append-only')
  })

  it('hold what was asked for alone where nothing is sealed, and the customer beside it: an older copy compares a repeat with it', async () => {
    await place('o1', { placed: { customerId: 'cus_1' } })
    const { data } = (await database.get<{ data: string }>('select data from facts')) ?? { data: '' }
    expect(JSON.parse(data)).toEqual(placed)
    expect(await factsOf('o1')).toMatchObject([{ data: { ...placed, customerId: 'cus_1' } }])
  })

  it('say a repeated message once', async () => {
    await place('o1')
    await reserve('o1')
    const failed = () => hear(PaymentFailed.type, 'o1', { reason: 'declined', totalCents: 1_000 })
    expect(await failed()).toEqual(['order.cancelled'])
    expect(await failed()).toEqual([])
  })

  it('that are learnt at the same moment are all kept, in the order in which they came', async () => {
    await place('o1')
    const news: [{ type: string }, object][] = [
      [InventoryReserved, { ...placed, lines: [{ sku: 'item1', quantity: 1, unitPriceCents: 500 }], totalCents: 500 }],
      [PaymentSuccess, { chargeId: 'ch_1' }],
      [PaymentSuccess, { chargeId: 'ch_1' }],
    ]
    const works = news.map(([{ type }, data]): Work<string[]> => {
      const event = { id: `o1/${type}`, source: '/test', type, subject: 'o1', time: at, data }
      const handler = handlers.find((one) => one.type === type)
      return {
        reads: (known) => handler?.reads(event, known) ?? [],
        decide(draft) {
          const messages = handler?.decide(event, draft, context, undefined) ?? []
          return { result: messages.map((message) => message.type), messages }
        },
      }
    })

    expect(await together(works)).toMatchObject([{ value: [] }, { value: ['order.paid'] }, { value: [] }])

    expect((await factsOf('o1'))?.map(({ type }) => type)).toEqual([
      'order.created',
      'inventory.reserved',
      'payment.success',
    ])
    expect(await database.get('select status, total_cents from orders')).toEqual({ status: 'paid', total_cents: 500 })
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
    await database.run(
      "insert into orders select 'ghost', user_name, status, reason, 0, '', '', null from orders limit 1",
    )
    await database.run("delete from orders where order_id = 'o3'")
    expect(await rebuildOrders(database, () => undefined)).toBe(3)
    expect(await all()).toEqual(before)
  })

  it('removes what no fact justifies wherever it stands', async () => {
    await place('o0')
    await database.run(
      `insert into facts (order_id, type, at, data)
       with recursive numbers (number) as (select 1001 union all select number + 1 from numbers where number < 2200)
       select 'o' || number, type, at, data from facts, numbers`,
    )
    const ids = async () =>
      (await database.all<{ order_id: string }>('select order_id from orders')).map((row) => row.order_id)
    await rebuildOrders(database, () => undefined)
    const before = await ids()
    for (const ghost of ['a', 'o1200x', 'o1500x', 'z'])
      await database.run(
        "insert into orders select ?, user_name, status, reason, 0, '', '', null from orders limit 1",
        ghost,
      )
    expect(await rebuildOrders(database, () => undefined)).toBe(1_201)
    expect((await ids()).toSorted()).toEqual(before.toSorted())
  })
})

describe('customers', () => {
  const customerIdOf = pseudonyms(Buffer.from('a key'))

  it('get one pseudonym each, in one form, whatever the spelling of the same letters', () => {
    expect(customerIdOf('ann')).toMatch(/^cus_[a-z0-9]{26}$/)
    expect(customerIdOf(' ann\t')).toBe(customerIdOf('ann'))
    expect(customerIdOf('Zo\u0065\u0308')).toBe(customerIdOf('Zo\u00eb'))
    const many = new Set(Array.from({ length: 2_000 }, (_, number) => customerIdOf(`user${number}`)))
    expect(many.size).toBe(2_000)
    expect(customerIdOf('Ann')).not.toBe(customerIdOf('ann'))
    expect(pseudonyms(Buffer.from('another key'))('ann')).not.toBe(customerIdOf('ann'))
  })

  it('are named to the other services as they were typed, and in the one form', () => {
    expect(spellingsOf([' Zo\u00eb', 'Zo\u0065\u0308', 'Zo\u00eb'])).toEqual([
      ' Zo\u00eb',
      'Zo\u00eb',
      'Zo\u0065\u0308',
    ])
    expect(spellingsOf([])).toEqual([])
  })

  it('keep it, whichever copy starts first, and after every later start', async () => {
    const copies = await Promise.all(Array.from({ length: 5 }, () => openPseudonyms(database)))
    expect(new Set(copies.map((one) => one('ann'))).size).toBe(1)
  })

  it('find their orders, those of an earlier version too, by the index alone', async () => {
    for (const [number, user] of ['ann', 'bob', 'ann', 'bob'].entries())
      await place(`o${number}`, { placed: { user, ...(number > 1 && { customerId: customerIdOf(user) }) } })
    const found = async (user: string) =>
      (
        await listOrders(database, { status: undefined, customerId: customerIdOf(user), before: undefined, limit: 9 })
      ).map(({ orderId }) => orderId)
    expect(await found('ann')).toEqual(['o2'])
    expect(await fillCustomers(database, customerIdOf)).toBe(2)
    await rebuildOrders(database, () => undefined)
    expect([await found('ann'), await found('bob')]).toEqual([
      ['o2', 'o0'],
      ['o3', 'o1'],
    ])
    const plan = await database.all(
      `explain query plan select order_id from orders where (created_at, order_id) < ('9999', '') and customer_id = 'x'
       order by created_at desc, order_id desc limit 50`,
    )
    expect(JSON.stringify(plan)).toContain('orders_by_customer (customer_id=?')
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

it('counts the open orders by status, no further than the limit, with the time of the oldest', async () => {
  for (const orderId of ['1', '2', '3', '4']) await place(orderId)
  await reserve('2')
  await hear(PaymentFailed.type, '4', { reason: 'declined' })
  expect(await countOpen(database, 10)).toEqual([
    { status: 'created', count: 2, oldest: at },
    { status: 'reserved', count: 1, oldest: at },
    { status: 'awaiting_confirmation', count: 0, oldest: null },
    { status: 'paid', count: 0, oldest: null },
    { status: 'shipped', count: 0, oldest: null },
  ])
  await database.run(`update orders set created_at = '2025-01-01T00:00:00.000Z' where order_id = '3'`)
  expect((await countOpen(database, 1))[0]).toEqual({ status: 'created', count: 1, oldest: '2025-01-01T00:00:00.000Z' })
  const steps = await database.all<{ detail: string }>(`explain query plan ${COUNT_OPEN}`, 10, 10, 10, 10, 10)
  const reading = steps.filter(({ detail }) => /\borders\b/.test(detail)).map(({ detail }) => detail)
  expect(reading).toHaveLength(5)
  expect(reading.filter((detail) => !detail.includes('USING COVERING INDEX orders_by_status'))).toEqual([])
})
