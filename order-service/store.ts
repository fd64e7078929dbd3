// The SQL of order-service: the facts, which are append-only until the order expires, and the orders derived from them.
import type { OrderStatus } from '@orders/shared/contracts'
import { type Change, lockKeyOf, type State } from '@orders/shared/messaging'
import {
  apart,
  byKey,
  type Database,
  insert,
  type Reader,
  type Sealable,
  type Sql,
  sealable,
} from '@orders/shared/storage'
import { type Order, orderOf } from './domain.ts'
import { type Fact, forgottenCustomer, keyOf, partsOf } from './facts.ts'

/** All facts of an order, in the order of arrival. */
export const orders: State<readonly Fact[]> = { name: 'orders', load: loadFacts, save: saveFacts }
/**
 * The order of an Idempotency-Key, and the fingerprint of its request. The fingerprint is null for keys of an earlier version.
 */
export interface Keyed {
  orderId: string
  fingerprint: string | null
}
export const idempotencyKeys: State<Keyed> = { name: 'idempotency keys', load: loadKeys, save: saveKeys }

async function loadFacts(sql: Reader, orderIds: string[]): Promise<Map<string, Fact[]>> {
  const rows = await sql.all<{ orderId: string; type: string; at: string; data: string; personal: string | null }>(
    'select order_id as "orderId", type, at, data, personal from facts where order_id in each(?) order by sequence',
    orderIds,
  )
  const orders = new Map<string, Fact[]>()
  for (const { orderId, type, at, data: rest, personal } of rows) {
    const facts = orders.get(orderId) ?? []
    orders.set(orderId, facts)
    const [name, detail] = type.split('/')
    // The cast is safe: `saveFacts` wrote every row.
    const data = { ...JSON.parse(rest), ...personalOf(personal) }
    facts.push({ type: name, ...(detail !== undefined && { detail }), at, data } as Fact)
  }
  return orders
}

/** A forgotten customer's data reads as an empty text. */
const personalOf = (personal: string | null): object =>
  personal === null ? {} : personal === '' ? forgottenCustomer : JSON.parse(personal)

/** Appends the new facts and brings the derived orders up to date. */
async function saveFacts(tx: Sql, changes: Change<readonly Fact[]>[]): Promise<void> {
  const fresh = changes.flatMap(({ key, before = [], after }) =>
    after.slice(before.length).map((fact) => [key, keyOf(fact), fact.at, ...dataOf(fact)]),
  )
  await Promise.all([
    insert(tx, 'facts (order_id, type, at, data, personal)', fresh),
    saveOrders(
      tx,
      changes.flatMap(({ key, after }) => orderOf(key, after) ?? []),
    ),
  ])
}

function dataOf({ type, data }: Fact): [Sealable, Sealable] | [string, null] {
  if (type !== 'order.created') return [JSON.stringify(data), null]
  const { personal, rest } = partsOf(data)
  const { customerId, ...asked } = data
  // Without encryption, this column holds the request and nothing else: version 0.1.0 compares a repeat with everything in it.
  return apart(customerId, {
    whole: JSON.stringify(asked),
    beside: customerId === undefined ? null : JSON.stringify({ customerId }),
    rest: JSON.stringify(rest),
    secret: JSON.stringify(personal),
  })
}

async function saveOrders(tx: Sql, derived: Order[]): Promise<void> {
  await insert(
    tx,
    'orders (order_id, user_name, customer_id, status, reason, total_cents, created_at, updated_at)',
    derived.map(({ orderId, user, customerId, status, reason, totalCents, createdAt, updatedAt }) => [
      orderId,
      sealable(customerId, user),
      customerId ?? null,
      status,
      reason,
      totalCents,
      createdAt,
      updatedAt,
    ]),
    `on conflict (order_id) do update set user_name = excluded.user_name,
       customer_id = coalesce(excluded.customer_id, orders.customer_id), status = excluded.status,
       reason = excluded.reason, total_cents = excluded.total_cents, created_at = excluded.created_at,
       updated_at = excluded.updated_at`,
  )
}

async function loadKeys(sql: Reader, keys: string[]): Promise<Map<string, Keyed>> {
  const rows = await sql.all<Keyed & { key: string }>(
    `select idempotency_key as "key", order_id as "orderId", fingerprint from idempotency_keys where idempotency_key in each(?)`,
    keys,
  )
  return byKey(
    rows,
    ({ key }) => key,
    ({ orderId, fingerprint }) => ({ orderId, fingerprint }),
  )
}

async function saveKeys(tx: Sql, changes: Change<Keyed>[]): Promise<void> {
  await insert(
    tx,
    'idempotency_keys (idempotency_key, order_id, fingerprint)',
    changes.map(({ key, after: { orderId, fingerprint } }) => [key, orderId, fingerprint]),
  )
}

export interface OrderSummary {
  orderId: string
  user: string
  status: OrderStatus
  reason: string | null
  totalCents: number | null
  createdAt: string
  updatedAt: string
}

interface Wanted {
  status: OrderStatus | undefined
  customerId?: string | undefined
  before: string | undefined
  limit: number
}

/** Newest first. `before` is the id of the last order on the previous page. */
export async function listOrders(sql: Reader, { status, customerId, before, limit }: Wanted): Promise<OrderSummary[]> {
  const last = before === undefined ? undefined : await createdAtOf(sql, before)
  const rows = await sql.all<OrderSummary>(
    `select order_id as "orderId", user_name as "user", status, reason, total_cents as "totalCents",
       created_at as "createdAt", updated_at as "updatedAt"
     from orders
     where (created_at, order_id) < (?, ?) ${standing(status)} ${customerId === undefined ? '' : 'and customer_id = ?'}
     order by created_at desc, order_id desc limit ?`,
    last ?? '9999',
    before ?? '',
    ...(customerId === undefined ? [] : [customerId]),
    limit,
  )
  return rows.map((row) => (row.user === '' ? { ...row, ...forgottenCustomer } : row))
}

/** A literal instead of a parameter: only then can the planner use the partial index of orders that are not completed. */
function standing(status: OrderStatus | undefined): string {
  if (status === undefined) return ''
  return status === 'completed' ? `and status = 'completed'` : `and status = '${status}' and status <> 'completed'`
}

async function createdAtOf(sql: Reader, orderId: string): Promise<string | undefined> {
  const row = await sql.get<{ created_at: string }>('select created_at from orders where order_id = ?', orderId)
  return row?.created_at
}

/** The number of orders that wait for another service, counted up to `limit`. */
export async function countWaiting(sql: Reader, limit: number): Promise<number> {
  const row = await sql.get<{ waiting: number }>(
    `select count(*) as waiting
     from (select 1 from orders where status in ('created', 'reserved', 'paid') and status <> 'completed' limit ?) as waiting_orders`,
    limit,
  )
  return Number(row?.waiting ?? 0)
}

const OPEN = ['created', 'reserved', 'awaiting_confirmation', 'paid', 'shipped'] as const

/** One query for each status, oldest order first, so that only the index is read, up to the limit. */
export const COUNT_OPEN = OPEN.map(
  (status) =>
    `select '${status}' as status, count(*) as count, min(created_at) as oldest
     from (select created_at from orders where status = '${status}' and status <> 'completed'
       order by created_at limit ?) as open_orders`,
).join(' union all ')

export interface OpenOrders {
  status: (typeof OPEN)[number]
  /** Counted up to the limit. */
  count: number
  /** When the oldest order was placed. */
  oldest: string | null
}

/** The number of open orders by status, each counted up to `limit`. */
export async function countOpen(sql: Reader, limit: number): Promise<OpenOrders[]> {
  const rows = await sql.all<OpenOrders>(COUNT_OPEN, ...OPEN.map(() => limit))
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

const REBUILD_BATCH = 500

/**
 * Derives every row of the read model again, and removes rows without a fact. Works in batches, so that a running service does
 * not wait for it. Returns the number of orders.
 */
export async function rebuildOrders(database: Database, progress: (orders: number) => void): Promise<number> {
  let count = 0
  for (let after = '', more = true; more; progress(count)) {
    const orderIds = await placedAfter(database, after)
    const last = orderIds.at(-1) ?? after
    more = orderIds.length === REBUILD_BATCH
    await database.transaction(async (tx) => {
      await tx.lock(orderIds.map((orderId) => lockKeyOf(orders, orderId)))
      const known = await orders.load(tx, orderIds)
      await saveOrders(
        tx,
        [...known].flatMap(([orderId, facts]) => orderOf(orderId, facts) ?? []),
      )
      await removeUnjustified(tx, after, more ? last : undefined)
    })
    count += orderIds.length
    after = last
  }
  return count
}

/** Only rows after `after` and up to `last`: one statement for the whole table could run into the statement timeout. */
async function removeUnjustified(tx: Sql, after: string, last: string | undefined): Promise<void> {
  await tx.run(
    `delete from orders where order_id > ? ${last === undefined ? '' : 'and order_id <= ?'} and not exists
       (select 1 from facts where facts.order_id = orders.order_id and type = 'order.created')`,
    after,
    ...(last === undefined ? [] : [last]),
  )
}

async function placedAfter(sql: Reader, after: string): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from facts where type = 'order.created' and order_id > ? order by order_id limit ?`,
    after,
    REBUILD_BATCH,
  )
  return rows.map(({ orderId }) => orderId)
}

/** The stored secret. If there is none, `make` makes it. The copy that stores its secret first decides for all. */
export function keptSecret(database: Database, name: string, make: () => string): Promise<string> {
  return database.transaction(async (tx) => {
    const kept = () => tx.get<{ value: string }>('select value from secrets where name = ?', name)
    const before = await kept()
    if (before) return before.value
    const made = make()
    await insert(tx, 'secrets (name, value)', [[name, made]], 'on conflict (name) do nothing')
    return (await kept())?.value ?? made
  })
}

/** Sets the pseudonym of orders that an earlier version stored without one, in batches. Returns the number of orders. */
export async function fillCustomers(database: Database, customerIdOf: (user: string) => string): Promise<number> {
  for (let count = 0; ; ) {
    const rows = await database.all<{ orderId: string; user: string }>(
      'select order_id as "orderId", user_name as "user" from orders where customer_id is null limit ?',
      REBUILD_BATCH,
    )
    if (rows.length === 0) return count
    await database.transaction((tx) =>
      Promise.all(
        rows.map(({ orderId, user }) =>
          tx.run('update orders set customer_id = ? where order_id = ?', customerIdOf(user), orderId),
        ),
      ),
    )
    count += rows.length
  }
}
