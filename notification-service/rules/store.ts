// The SQL of the rules: what customers decided, what an address was told lately, and which digests are open.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Delivery } from '../deliveries/domain.ts'
import { noPreferences, type Preferences } from './preferences.ts'
import type { Recent } from './throttle.ts'

type Reader = Pick<Sql, 'all' | 'get'>

export async function preferencesOf(sql: Reader, recipient: string): Promise<Preferences> {
  const row = await sql.get<{ preferences: string }>(
    'select preferences from preferences where recipient = ?',
    recipient,
  )
  // The cast is the decoding edge: every row was written by `savePreferences`.
  return row ? (JSON.parse(row.preferences) as Preferences) : noPreferences
}

/** With the customer's own clock, where the preferences name no other. */
export async function preferencesAndClockOf(
  sql: Reader,
  recipient: string,
  customerId: string | null,
): Promise<Preferences> {
  const row = await sql.get<{ preferences: string | null; timeZone: string | null }>(
    `select (select preferences from preferences where recipient = ?) as preferences,
       (select time_zone from customers where id = ?) as "timeZone"`,
    recipient,
    customerId,
  )
  const preferences =
    typeof row?.preferences === 'string' ? (JSON.parse(row.preferences) as Preferences) : noPreferences
  return { ...preferences, timeZone: preferences.timeZone ?? row?.timeZone ?? undefined }
}

export async function savePreferences(tx: Sql, recipient: string, preferences: Preferences, at: string): Promise<void> {
  await tx.run(
    `insert into preferences (recipient, preferences, updated_at) values (?, ?, ?)
     on conflict (recipient) do update set preferences = excluded.preferences, updated_at = excluded.updated_at`,
    recipient,
    JSON.stringify(preferences),
    at,
  )
}

/** From now until the transaction ends no other copy decides about this address: the row is written, so it is locked. */
export async function lockedRecent(tx: Sql, recipient: string): Promise<Recent> {
  const row = await tx.get<{ sent: string; places: string }>(
    `insert into throttles (recipient, sent, places) values (?, '[]', '[]')
     on conflict (recipient) do update set recipient = excluded.recipient
     returning sent, places`,
    recipient,
  )
  // The casts are the decoding edge: every row was written here or by `saveRecent`.
  return { sent: JSON.parse(row?.sent ?? '[]') as number[], places: JSON.parse(row?.places ?? '[]') as number[] }
}

export async function saveRecent(tx: Sql, recipient: string, { sent, places }: Recent): Promise<void> {
  await tx.run(
    'update throttles set sent = ?, places = ? where recipient = ?',
    JSON.stringify(sent),
    JSON.stringify(places),
    recipient,
  )
}

export interface OpenDigest {
  digestId: string
  dueAt: string
}

/** The one that is open for this recipient, channel, address and category; else this one opens. */
export async function joinDigest(
  tx: Sql,
  about: { recipient: string; channel: Channel; address: string; category: string },
  { digestId, dueAt }: OpenDigest,
): Promise<OpenDigest> {
  const row = await tx.get<OpenDigest>(
    `insert into open_digests (recipient, channel, address, category, digest_id, due_at) values (?, ?, ?, ?, ?, ?)
     on conflict (recipient, channel, address, category) do update set channel = excluded.channel
     returning digest_id as "digestId", due_at as "dueAt"`,
    about.recipient,
    about.channel,
    about.address,
    about.category,
    digestId,
    dueAt,
  )
  return row ?? { digestId, dueAt }
}

/** Undefined where it is not due, or where another copy has closed it: that copy has seen to its members. */
export async function closeDigest(
  tx: Sql,
  digestId: string,
  at: string,
): Promise<{ channel: Channel; address: string } | undefined> {
  return tx.get<{ channel: Channel; address: string }>(
    'delete from open_digests where digest_id = ? and due_at <= ? returning channel, address',
    digestId,
    at,
  )
}

/** What waits for it still, in the order of its taking in. */
export async function membersOf(tx: Reader, digestId: string): Promise<string[]> {
  const rows = await tx.all<{ id: string }>(
    `select notifications.id from deliveries join notifications on notifications.id = deliveries.notification_id
     where deliveries.digest_id = ? and deliveries.status = 'held' order by notifications.sequence`,
    digestId,
  )
  return rows.map(({ id }) => id)
}

/** False when it does not wait any more. */
export async function saveDigested(
  tx: Sql,
  { notificationId, channel }: Pick<Delivery, 'notificationId' | 'channel'>,
  digestId: string,
  at: string,
): Promise<boolean> {
  const changed = await tx.run(
    `update deliveries set status = 'digested', digest_id = ?, updated_at = ?
     where notification_id = ? and channel = ? and status = 'held'`,
    digestId,
    at,
    notificationId,
    channel,
  )
  return changed > 0
}
