// The SQL of customers: one row for each, replaced as a whole.
import type { Sql } from '@orders/shared/storage'
import type { Customer } from './domain.ts'

export async function customerOf(sql: Pick<Sql, 'get'>, id: string): Promise<Customer | undefined> {
  const row = await sql.get<Omit<Customer, 'addresses'> & { addresses: string }>(
    `select id, addresses, locale, time_zone as "timeZone", updated_at as "updatedAt" from customers where id = ?`,
    id,
  )
  // The cast is the decoding edge: every row was written by `saveCustomer`.
  return row && { ...row, addresses: JSON.parse(row.addresses) as Customer['addresses'] }
}

export async function saveCustomer(tx: Sql, { id, addresses, locale, timeZone, updatedAt }: Customer): Promise<void> {
  await tx.run(
    `insert into customers (id, addresses, locale, time_zone, updated_at) values (?, ?, ?, ?, ?)
     on conflict (id) do update set addresses = excluded.addresses, locale = excluded.locale,
       time_zone = excluded.time_zone, updated_at = excluded.updated_at`,
    id,
    JSON.stringify(addresses),
    locale,
    timeZone,
    updatedAt,
  )
}
