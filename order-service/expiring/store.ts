// The SQL that removes the facts of old orders and leaves one that says so.
import { insert, type Reader, type Sql } from '@orders/shared/storage'
import { isSettled } from '../domain.ts'

/**
 * Of these ended orders, removes the facts of those without an undecided refund. Each keeps one short row, the fact that it has
 * expired. It tells whoever uses the id again that the id is taken, and tells the other services that they may remove their
 * rows too. Returns the ids of the expired orders.
 */
export async function expireOrders(tx: Sql, orderIds: readonly string[], now: string): Promise<string[]> {
  const rows = await tx.all<{ orderId: string; type: string }>(
    'select order_id as "orderId", type from facts where order_id in each(?)',
    orderIds,
  )
  const keys = new Map<string, string[]>()
  for (const { orderId, type } of rows) keys.set(orderId, [...(keys.get(orderId) ?? []), type])
  const over = orderIds.filter((orderId) => isSettled(keys.get(orderId) ?? []))
  if (over.length === 0) return over
  await insert(
    tx,
    'facts (order_id, type, at, data, personal)',
    over.map((orderId) => [orderId, 'order.expired', now, '{}', null]),
  )
  await tx.run(`delete from facts where order_id in each(?) and type <> 'order.expired'`, over)
  await tx.run('delete from orders where order_id in each(?)', over)
  return over
}

export async function expiredAmong(sql: Reader, orderIds: readonly string[]): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from facts where type = 'order.expired' and order_id in each(?)`,
    orderIds,
  )
  return rows.map(({ orderId }) => orderId)
}
