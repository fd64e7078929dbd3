// The SQL of requests to forget customers, one row for each customer, and of the names and orders by which other services find
// them.
import type { State } from '@orders/shared/messaging'
import { byKey, type Database, insert, type Reader } from '@orders/shared/storage'

/** The customer's latest request. */
export interface Forgetting {
  /** Number of the request, from 1. */
  request: string
  requestedAt: string
  /** The services that have reported. */
  services: readonly string[]
  completedAt: string | null
}

/** The key is the customer's pseudonym. */
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

/** All names under which the customer ordered. None after the customer was forgotten. */
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

/** The newest order ids, as many as one message may carry. */
export async function newestOrdersOf(sql: Reader, customerId: string): Promise<string[]> {
  const rows = await sql.all<{ orderId: string }>(
    `select order_id as "orderId" from orders where customer_id = ? order by created_at desc, order_id desc limit ?`,
    customerId,
    SUBJECTS_MAX,
  )
  return rows.map(({ orderId }) => orderId)
}

/** Clients choose their idempotency keys, so a key may contain personal data. */
export async function removeKeysOf(database: Database, customerIds: readonly string[]): Promise<void> {
  await database.run(
    'delete from idempotency_keys where order_id in (select order_id from orders where customer_id in each(?))',
    customerIds,
  )
}
