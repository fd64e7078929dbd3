// The SQL of customers who are to be forgotten: one row for each; and by what the others know them.
import type { State } from '@orders/shared/messaging'
import { byKey, type Database, insert, type Reader } from '@orders/shared/storage'

/** The last one that was asked for. */
export interface Forgetting {
  /** Counts them. */
  request: string
  requestedAt: string
  /** Those that have said so. */
  services: readonly string[]
  completedAt: string | null
}

/** By the customer's pseudonym. */
export const forgettings: State<Forgetting> = {
  name: 'forgettings',
  async load(sql, customerIds) {
    const rows = await sql.all<Omit<Forgetting, 'services'> & { customerId: string; services: string }>(
      `select customer_id as "customerId", request, requested_at as "requestedAt", services, completed_at as "completedAt"
       from forgettings where customer_id in each(?)`,
      customerIds,
    )
    return byKey(
      rows,
      ({ customerId }) => customerId,
      ({ customerId: _, services, ...row }) => ({ ...row, services: JSON.parse(services) as string[] }),
    )
  },
  save: (tx, changes) =>
    insert(
      tx,
      'forgettings (customer_id, request, requested_at, services, completed_at)',
      changes.map(({ key, after: { request, requestedAt, services, completedAt } }) => [
        key,
        request,
        requestedAt,
        JSON.stringify(services),
        completedAt,
      ]),
      `on conflict (customer_id) do update set request = excluded.request, requested_at = excluded.requested_at,
         services = excluded.services, completed_at = excluded.completed_at`,
    ),
}

const NAMES_PAGE = 500

/** All ways in which a customer's orders name them; none once they are forgotten. */
export async function namesOf(sql: Reader, customerId: string): Promise<string[]> {
  const names = new Set<string>()
  for (let place = ['', '']; ; ) {
    const rows = await sql.all<{ orderId: string; createdAt: string; user: string }>(
      `select order_id as "orderId", created_at as "createdAt", user_name as "user" from orders
       where customer_id = ? and (created_at, order_id) > (?, ?) order by created_at, order_id limit ?`,
      customerId,
      ...place,
      NAMES_PAGE,
    )
    for (const { user } of rows) if (user !== '') names.add(user)
    const last = rows.at(-1)
    if (!last || rows.length < NAMES_PAGE) return [...names]
    place = [last.createdAt, last.orderId]
  }
}

const SUBJECTS_MAX = 10_000

/** Their ids, so many as one message may carry. */
export async function newestOrdersOf(sql: Reader, customerId: string): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from orders where customer_id = ? order by created_at desc, order_id desc limit ?`,
    customerId,
    SUBJECTS_MAX,
  )
  return rows.map(({ orderId }) => orderId)
}

/** What clients have chosen may say anything. */
export async function removeKeysOf(database: Database, customerIds: readonly string[]): Promise<void> {
  await database.run(
    'delete from idempotency_keys where order_id in (select order_id from orders where customer_id in each(?))',
    customerIds,
  )
}
