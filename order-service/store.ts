// order-service's SQL: facts, which are only ever added, the orders derived from them, and what became of notifications.
import type { Channel } from '@orders/shared/contracts'
import type { Database, Sql } from '@orders/shared/storage'
import { type Fact, type Learnt, type Order, orderOf } from './domain.ts'
import type { Notice } from './notices.ts'

type Reader = Pick<Sql, 'all' | 'get'>

export async function factsOf(sql: Reader, orderId: string): Promise<Fact[]> {
  const rows = await sql.all<{ type: string; at: string; data: string }>(
    'select type, at, data from facts where order_id = ? order by sequence',
    orderId,
  )
  // The cast is the decoding edge: every row was written by `saveLearnt`.
  return rows.map(({ type, at, data }) => ({ type, at, data: JSON.parse(data) }) as Fact)
}

/** Appends the newest fact and brings the derived order up to date. */
export async function saveLearnt(tx: Sql, orderId: string, { isNew, facts }: Learnt): Promise<void> {
  const fact = facts.at(-1)
  if (!isNew || !fact) return
  await tx.run(
    'insert into facts (order_id, type, at, data) values (?, ?, ?, ?)',
    orderId,
    fact.type,
    fact.at,
    JSON.stringify(fact.data),
  )
  const order = orderOf(orderId, facts)
  if (order) await saveOrder(tx, order)
}

async function saveOrder(tx: Sql, order: Order): Promise<void> {
  await tx.run(
    `insert into orders (order_id, user_name, status, reason, total_cents, created_at, updated_at)
     values (?, ?, ?, ?, ?, ?, ?)
     on conflict (order_id) do update set user_name = excluded.user_name, status = excluded.status,
       reason = excluded.reason, total_cents = excluded.total_cents, created_at = excluded.created_at,
       updated_at = excluded.updated_at`,
    order.orderId,
    order.user,
    order.status,
    order.reason,
    order.totalCents,
    order.createdAt,
    order.updatedAt,
  )
}

/** Its row is written with its first fact. */
export async function isPlaced(sql: Reader, orderId: string): Promise<boolean> {
  return (await sql.get<object>('select 1 as placed from orders where order_id = ?', orderId)) !== undefined
}

const NOTICE = `notification_id as "notificationId", channel, status, reason, until, at`

export async function noticeOf(sql: Reader, notificationId: string, channel: Channel): Promise<Notice | undefined> {
  return sql.get<Notice>(
    `select ${NOTICE} from notices where notification_id = ? and channel = ?`,
    notificationId,
    channel,
  )
}

export async function noticesOf(sql: Reader, orderId: string): Promise<Notice[]> {
  return sql.all<Notice>(
    `select ${NOTICE} from notices where order_id = ? order by at, notification_id, channel`,
    orderId,
  )
}

export async function saveNotice(tx: Sql, orderId: string, notice: Notice): Promise<void> {
  const { notificationId, channel, status, reason, until, at } = notice
  await tx.run(
    `insert into notices (notification_id, channel, order_id, status, reason, until, at) values (?, ?, ?, ?, ?, ?, ?)
     on conflict (notification_id, channel) do update set status = excluded.status, reason = excluded.reason,
       until = excluded.until, at = excluded.at`,
    notificationId,
    channel,
    orderId,
    status,
    reason,
    until,
    at,
  )
}

export async function orderIdOfKey(tx: Reader, idempotencyKey: string): Promise<string | undefined> {
  const row = await tx.get<{ order_id: string }>(
    'select order_id from idempotency_keys where idempotency_key = ?',
    idempotencyKey,
  )
  return row?.order_id
}

export async function saveKey(tx: Sql, idempotencyKey: string, orderId: string): Promise<void> {
  await tx.run('insert into idempotency_keys (idempotency_key, order_id) values (?, ?)', idempotencyKey, orderId)
}

export interface OrderSummary {
  orderId: string
  user: string
  status: string
  reason: string | null
  totalCents: number | null
  createdAt: string
  updatedAt: string
}

/** The newest first; `before` is the id of the last order of the page before. */
export async function listOrders(
  sql: Reader,
  { status, before, limit }: { status: string | undefined; before: string | undefined; limit: number },
): Promise<OrderSummary[]> {
  const last = before === undefined ? undefined : await createdAtOf(sql, before)
  return sql.all<OrderSummary>(
    `select order_id as "orderId", user_name as "user", status, reason, total_cents as "totalCents",
       created_at as "createdAt", updated_at as "updatedAt"
     from orders
     where (? = '' or status = ?) and (created_at, order_id) < (?, ?)
     order by created_at desc, order_id desc limit ?`,
    status ?? '',
    status ?? '',
    last ?? '9999',
    before ?? '',
    limit,
  )
}

async function createdAtOf(sql: Reader, orderId: string): Promise<string | undefined> {
  const row = await sql.get<{ created_at: string }>('select created_at from orders where order_id = ?', orderId)
  return row?.created_at
}

/** How many orders wait for another service; counts no further than `limit`. */
export async function countWaiting(sql: Reader, limit: number): Promise<number> {
  const row = await sql.get<{ waiting: number }>(
    `select count(*) as waiting
     from (select 1 from orders where status in ('created', 'reserved', 'paid') limit ?) as waiting_orders`,
    limit,
  )
  return Number(row?.waiting ?? 0)
}

const REBUILD_BATCH = 500

/**
 * Derives every row of the read model again, a batch at a time so that a running service is not kept waiting, and
 * removes rows that no fact justifies; returns how many orders there are.
 */
export async function rebuildOrders(database: Database, progress: (orders: number) => void): Promise<number> {
  let count = 0
  for (let after = '', more = true; more; progress(count)) {
    const orderIds = await placedAfter(database, after)
    await database.transaction(async (tx) => {
      await tx.lock(orderIds)
      for (const orderId of orderIds) await deriveAgain(tx, orderId)
    })
    count += orderIds.length
    after = orderIds.at(-1) ?? after
    more = orderIds.length === REBUILD_BATCH
  }
  await database.run(
    "delete from orders where order_id not in (select order_id from facts where type = 'order.created')",
  )
  return count
}

async function placedAfter(sql: Reader, after: string): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from facts where type = 'order.created' and order_id > ? order by order_id limit ?`,
    after,
    REBUILD_BATCH,
  )
  return rows.map(({ orderId }) => orderId)
}

async function deriveAgain(tx: Sql, orderId: string): Promise<void> {
  const order = orderOf(orderId, await factsOf(tx, orderId))
  if (order) await saveOrder(tx, order)
}
