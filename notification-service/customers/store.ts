// The SQL of customers: one row for each, replaced as a whole.
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'
import type { Customer } from './domain.ts'

export const customers: State<Customer> = { name: 'customers', load, save }

async function load(sql: Reader, ids: string[]): Promise<Map<string, Customer>> {
  const rows = await sql.all<Omit<Customer, 'addresses'> & { addresses: string }>(
    `select id, addresses, locale, time_zone as "timeZone", updated_at as "updatedAt" from customers where id in each(?)`,
    ids,
  )
  return byKey(
    rows,
    ({ id }) => id,
    // The cast is the decoding edge: every row was written by `save`.
    (row) => ({ ...row, addresses: JSON.parse(row.addresses) as Customer['addresses'] }),
  )
}

async function save(tx: Sql, changes: Change<Customer>[]): Promise<void> {
  await insert(
    tx,
    'customers (id, addresses, locale, time_zone, updated_at)',
    changes.map(({ after: { id, addresses, locale, timeZone, updatedAt } }) => [
      id,
      JSON.stringify(addresses),
      locale,
      timeZone,
      updatedAt,
    ]),
    `on conflict (id) do update set addresses = excluded.addresses, locale = excluded.locale,
       time_zone = excluded.time_zone, updated_at = excluded.updated_at`,
  )
}
