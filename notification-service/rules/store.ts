// The SQL of the rules: preferences, recent messages to an address, named addresses, open digests.
import type { Channel } from '@orders/shared/contracts'
import type { Change, State } from '@orders/shared/messaging'
import { byKey, insert, type Reader, type Sql } from '@orders/shared/storage'
import type { Named } from './contacts.ts'
import type { Preferences } from './preferences.ts'
import type { Recent } from './throttle.ts'

/** By `recipientOf`. */
export const preferences: State<Preferences> = { name: 'preferences', load: loadPreferences, save: savePreferences }
/** By `addressKey`. */
export const throttles: State<Recent> = { name: 'throttles', load: loadThrottles, save: saveThrottles }
/**
 * By `customerKey`, the addresses that the customer's orders named. By `addressKey`, the orders that named the address.
 */
export const contacts: State<Named> = { name: 'contacts', load: loadContacts, save: saveContacts }
/** By `windowKey`. Null once it is closed. */
export const windows: State<OpenDigest | null> = { name: 'digests', load: loadWindows, save: saveWindows }
/** The notifications that still wait for a digest, by its id, in the order in which they were taken in. Never saved. */
export const members: State<string[]> = { name: 'members', load: loadMembers, save: async () => undefined }

async function loadPreferences(sql: Reader, recipients: string[]): Promise<Map<string, Preferences>> {
  const rows = await sql.all<{ recipient: string; preferences: string }>(
    'select recipient, preferences from preferences where recipient in each(?)',
    recipients,
  )
  return byKey(
    rows,
    ({ recipient }) => recipient,
    // The cast is safe: only `savePreferences` writes these rows.
    (row) => JSON.parse(row.preferences) as Preferences,
  )
}

async function savePreferences(tx: Sql, changes: Change<Preferences>[]): Promise<void> {
  await insert(
    tx,
    'preferences (recipient, preferences, updated_at)',
    changes.map(({ key, after: { updatedAt = '', ...rest } }) => [key, JSON.stringify(rest), updatedAt]),
    'on conflict (recipient) do update set preferences = excluded.preferences, updated_at = excluded.updated_at',
  )
}

async function loadThrottles(sql: Reader, recipients: string[]): Promise<Map<string, Recent>> {
  const rows = await sql.all<{ recipient: string; sent: string; places: string }>(
    'select recipient, sent, places from throttles where recipient in each(?)',
    recipients,
  )
  return byKey(
    rows,
    ({ recipient }) => recipient,
    // The casts are safe: only `saveThrottles` writes these rows.
    ({ sent, places }) => ({ sent: JSON.parse(sent) as number[], places: JSON.parse(places) as number[] }),
  )
}

async function saveThrottles(tx: Sql, changes: Change<Recent>[]): Promise<void> {
  await insert(
    tx,
    'throttles (recipient, sent, places, touched_at)',
    changes.map(({ key, after: { sent, places } }) => [
      key,
      JSON.stringify(sent),
      JSON.stringify(places),
      newestOf([...sent, ...places]),
    ]),
    'on conflict (recipient) do update set sent = excluded.sent, places = excluded.places, touched_at = excluded.touched_at',
  )
}

async function loadContacts(sql: Reader, names: string[]): Promise<Map<string, Named>> {
  const rows = await sql.all<{ name: string; named: string }>(
    'select name, named from contacts where name in each(?)',
    names,
  )
  return byKey(
    rows,
    ({ name }) => name,
    // The cast is safe: only `saveContacts` writes these rows.
    ({ named }) => JSON.parse(named) as Named,
  )
}

async function saveContacts(tx: Sql, changes: Change<Named>[]): Promise<void> {
  await insert(
    tx,
    'contacts (name, named, touched_at)',
    changes.map(({ key, after }) => [key, JSON.stringify(after), newestOf(Object.values(after))]),
    'on conflict (name) do update set named = excluded.named, touched_at = excluded.touched_at',
  )
}

/** Takes times in milliseconds. Null if there are none. */
const newestOf = (times: number[]) =>
  times.length === 0 ? null : new Date(times.reduce((newest, one) => Math.max(newest, one), 0)).toISOString()

/** The messages that belong into one digest. */
export interface Gathering {
  /** By `addressKey`. */
  recipient: string
  channel: Channel
  address: string
  category: string
}

export interface OpenDigest extends Gathering {
  digestId: string
  dueAt: string
}

/** A JSON list, which unlike joined text is unambiguous. */
export function windowKey({ recipient, channel, category }: Gathering): string {
  return JSON.stringify([recipient, channel, category])
}

async function loadWindows(sql: Reader, keys: string[]): Promise<Map<string, OpenDigest>> {
  // The cast is safe: only `windowKey` writes these keys.
  const recipients = keys.map((key) => (JSON.parse(key) as [string])[0])
  const rows = await sql.all<OpenDigest>(
    `select recipient, channel, address, category, digest_id as "digestId", due_at as "dueAt" from open_digests
     where recipient in each(?)`,
    recipients,
  )
  return byKey(rows, windowKey, (row) => row)
}

async function saveWindows(tx: Sql, changes: Change<OpenDigest | null>[]): Promise<void> {
  const closed = changes.flatMap(({ before, after }) =>
    before && before.digestId !== after?.digestId ? [before.digestId] : [],
  )
  const opened = changes.flatMap(({ before, after }) => (after && before?.digestId !== after.digestId ? [after] : []))
  if (closed.length > 0) await tx.run('delete from open_digests where digest_id in each(?)', closed)
  await insert(
    tx,
    'open_digests (recipient, channel, address, category, digest_id, due_at)',
    opened.map(({ recipient, channel, address, category, digestId, dueAt }) => [
      recipient,
      channel,
      address,
      category,
      digestId,
      dueAt,
    ]),
  )
}

async function loadMembers(sql: Reader, digestIds: string[]): Promise<Map<string, string[]>> {
  const rows = await sql.all<{ digestId: string; id: string }>(
    `select deliveries.digest_id as "digestId", notifications.id
     from deliveries join notifications on notifications.id = deliveries.notification_id
     where deliveries.digest_id in each(?) and deliveries.status = 'held' order by notifications.sequence`,
    digestIds,
  )
  const all = new Map<string, string[]>()
  for (const { digestId, id } of rows) all.set(digestId, [...(all.get(digestId) ?? []), id])
  return all
}
