// The SQL of customers, one row each, and of the mailboxes that lead from an address to its customers.
import type { Channel } from '@orders/shared/contracts'
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'
import { channelsOf, reachableBy, sameAddress } from '../domain.ts'
import type { Customer } from './domain.ts'

export const customers: State<Customer> = { name: 'customers', load, save }
/** By `mailboxKey`: the ids of the customers with this address. Saved with the customers. */
export const owners: State<string[]> = { name: 'mailboxes', load: loadOwners, save: async () => undefined }

export function mailboxKey(channel: Channel, address: string): string {
  return `${channel} ${sameAddress(channel, address)}`
}

async function load(sql: Reader, ids: string[]): Promise<Map<string, Customer>> {
  const rows = await sql.all<Omit<Customer, 'addresses'> & { addresses: string }>(
    `select id, addresses, locale, time_zone as "timeZone", updated_at as "updatedAt" from customers where id in each(?)`,
    ids,
  )
  return byKey(
    rows,
    ({ id }) => id,
    // The cast is safe: only `save` writes these rows.
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
  await saveMailboxes(
    tx,
    changes.map(({ after }) => after),
  )
}

/** Replaces the mailboxes of these customers. */
export async function saveMailboxes(tx: Sql, told: readonly Pick<Customer, 'id' | 'addresses'>[]): Promise<void> {
  await tx.run(
    'delete from mailboxes where customer_id in each(?)',
    told.map(({ id }) => id),
  )
  await insert(
    tx,
    'mailboxes (mailbox, customer_id)',
    told.flatMap(({ id, addresses: known }) => {
      const addresses = reachableBy(known)
      return channelsOf({ addresses }).map((channel) => [mailboxKey(channel, addresses[channel] ?? ''), id])
    }),
    'on conflict (mailbox, customer_id) do nothing',
  )
}

async function loadOwners(sql: Reader, mailboxes: string[]): Promise<Map<string, string[]>> {
  const rows = await sql.all<{ mailbox: string; customerId: string }>(
    `select mailbox, customer_id as "customerId" from mailboxes where mailbox in each(?) order by mailbox, customer_id`,
    mailboxes,
  )
  const all = new Map<string, string[]>()
  for (const { mailbox, customerId } of rows) all.set(mailbox, [...(all.get(mailbox) ?? []), customerId])
  return all
}
