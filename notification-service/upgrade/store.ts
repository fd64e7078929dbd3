// The SQL of the upgrades: reads stored addresses page by page and writes their canonical form.
import type { Channel } from '@orders/shared/contracts'
import { hashed, type Reader, type Sql, sealable } from '@orders/shared/storage'
import { indexedAs } from '../store.ts'

export interface Told {
  sequence: number
  email: string | null
  sms: string | null
}

export type Upgrade =
  | 'addresses have one form'
  | 'addresses are found'
  | 'customers have one name'
  | 'endpoints have one form'

export async function isUpgraded(sql: Reader, upgrade: Upgrade): Promise<boolean> {
  return (await sql.get('select 1 from upgrades where name = ?', upgrade)) !== undefined
}

export async function saveUpgraded(tx: Pick<Sql, 'run'>, upgrade: Upgrade, at: string): Promise<void> {
  await tx.run('insert into upgrades (name, at) values (?, ?) on conflict (name) do nothing', upgrade, at)
}

export async function toldAfter(sql: Reader, sequence: number, limit: number): Promise<Told[]> {
  return sql.all<Told>(
    'select sequence, email, sms from notifications where sequence > ? order by sequence limit ?',
    sequence,
    limit,
  )
}

export async function saveTold(tx: Sql, { sequence, email, sms }: Told): Promise<void> {
  await tx.run('update notifications set email = ?, sms = ? where sequence = ?', email, sms, sequence)
}

export interface Reached {
  sequence: number
  ownerId: string | null
  push: string | null
  webhook: string | null
}

export async function reachedAfter(sql: Reader, sequence: number, limit: number): Promise<Reached[]> {
  return sql.all<Reached>(
    `select sequence, owner_id as "ownerId", push, webhook from notifications
     where (push is not null or webhook is not null) and sequence > ? order by sequence limit ?`,
    sequence,
    limit,
  )
}

export async function saveReached(tx: Sql, { sequence, ownerId, push, webhook }: Reached): Promise<void> {
  const found = (channel: 'push' | 'webhook', address: string | null) =>
    ownerId === null ? null : hashed(indexedAs(channel, address ?? undefined))
  await tx.run(
    'update notifications set push = ?, webhook = ?, push_index = ?, webhook_index = ? where sequence = ?',
    sealable(ownerId, push),
    sealable(ownerId, webhook),
    found('push', push),
    found('webhook', webhook),
    sequence,
  )
}

export interface Suppressed {
  channel: Channel
  address: string
}

export async function suppressedAfter(sql: Reader, { channel, address }: Suppressed, limit: number) {
  return sql.all<Suppressed>(
    `select channel, address from suppressions where (channel, address) > (?, ?) order by channel, address limit ?`,
    channel,
    address,
    limit,
  )
}

/** If the canonical form is on the list already, that row stays. */
export async function renameSuppressed(tx: Sql, { channel, address }: Suppressed, name: string): Promise<void> {
  await tx.run(
    `insert into suppressions (channel, address, reason, notification_id, at)
       select channel, ?, reason, notification_id, at from suppressions where channel = ? and address = ?
     on conflict (channel, address) do nothing`,
    name,
    channel,
    address,
  )
  await tx.run('delete from suppressions where channel = ? and address = ?', channel, address)
}

export async function customersAfter(sql: Reader, id: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ id: string }>('select id from customers where id > ? order by id limit ?', id, limit)
  return rows.map((row) => row.id)
}

/** The customers that unencrypted notifications name. */
export async function namedAfter(sql: Reader, id: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ id: string }>(
    `select distinct customer_id as id from notifications
     where owner_id is null and customer_id is not null and customer_id > ? order by customer_id limit ?`,
    id,
    limit,
  )
  return rows.map((row) => row.id)
}

export async function renameNotifications(tx: Sql, before: string, now: string): Promise<void> {
  await tx.run('update notifications set customer_id = ? where owner_id is null and customer_id = ?', now, before)
}

export async function forgetCustomer(tx: Sql, id: string): Promise<void> {
  await tx.run('delete from customers where id = ?', id)
  await tx.run('delete from mailboxes where customer_id = ?', id)
}

/** Keys of preferences that belong to customers. */
export async function recipientsAfter(sql: Reader, recipient: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ recipient: string }>(
    `select recipient from preferences where recipient like 'customer %' and recipient > ? order by recipient limit ?`,
    recipient,
    limit,
  )
  return rows.map((row) => row.recipient)
}

export async function forgetPreferences(tx: Sql, recipient: string): Promise<void> {
  await tx.run('delete from preferences where recipient = ?', recipient)
}
