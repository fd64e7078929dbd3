// The SQL of forgetting customers: finds their data, and removes what no key encrypts.
import { type Channel, type Contact, canonicalUser, channels } from '@orders/shared/contracts'
import { type Database, hashed, type Reader, type Row, type Sql } from '@orders/shared/storage'
import { suppressionKey } from '../channels/store.ts'
import { reachableBy, sameAddress, withoutNul } from '../domain.ts'

/** The names and addresses by which a customer's data is found, in addition to the notifications of their orders. */
export interface KnownAs {
  names: string[]
  /** By channel, without duplicates, in the form of `sameAddress`. */
  addresses: Record<Channel, string[]>
  /** In the form in which notifications contain them. */
  subscriptions: string[]
}

/**
 * The names and addresses in the notifications of their orders, and the stored addresses under these names. Each name
 * also as typed, since earlier versions stored it so.
 */
export async function knownAs(sql: Reader, ownerIds: readonly string[], told: readonly string[]): Promise<KnownAs> {
  const rows = await sql.all<Record<Channel | 'customerId', string | null>>(
    `select distinct customer_id as "customerId", ${channels.join(', ')} from notifications where owner_id in each(?)`,
    ownerIds,
  )
  const typed = [...told, ...rows.map(({ customerId }) => customerId ?? '')].map(withoutNul)
  const names = [...new Set(typed.flatMap((name) => [name, canonicalUser(name)]))]
  const documents = await sql.all<{ addresses: string }>('select addresses from customers where id in each(?)', names)
  // The cast is safe: only `customers/store.ts` writes these rows.
  const known = documents.map(({ addresses }) => reachableBy(JSON.parse(addresses) as Contact))
  const toldBy = (channel: Channel) => [...rows, ...known].flatMap((one) => one[channel] || [])
  const ofChannel = (channel: Channel) => [...new Set(toldBy(channel).map((address) => sameAddress(channel, address)))]
  return {
    names: names.filter((name) => name !== ''),
    addresses: {
      email: ofChannel('email'),
      sms: ofChannel('sms'),
      push: ofChannel('push'),
      webhook: ofChannel('webhook'),
    },
    subscriptions: [...new Set(toldBy('push'))],
  }
}

/**
 * Unencrypted notifications: direct ones, which name the customer or only an address, and those about orders by earlier
 * versions.
 */
const WITHOUT_OWNER = `select sequence from notifications where owner_id is null and customer_id in each(?)
  ${channels
    .map(
      (channel) => `union all select sequence from notifications
        where owner_id is null and customer_id is null and ${channel === 'email' ? 'lower(email)' : channel} in each(?)`,
    )
    .join(' ')}`

const valuesOf = ({ names, addresses, subscriptions }: KnownAs) => [
  names,
  ...channels.map((channel) => (channel === 'push' ? subscriptions : addresses[channel])),
]

/** Whole rows in order, after the given sequence. */
export const notificationsFor = (
  sql: Reader,
  { ownerId, known, after, limit }: { ownerId: string; known: KnownAs; after: number; limit: number },
) =>
  sql.all<Row & { sequence: number; id: string }>(
    `select * from notifications
     where sequence in (select sequence from notifications where owner_id = ? union all ${WITHOUT_OWNER}) and sequence > ?
     order by sequence limit ?`,
    ownerId,
    ...valuesOf(known),
    after,
    limit,
  )

export async function withoutOwner(sql: Reader, known: KnownAs): Promise<string[]> {
  const rows = await sql.all<{ id: string }>(
    `select id from notifications where sequence in (${WITHOUT_OWNER})`,
    ...valuesOf(known),
  )
  return rows.map(({ id }) => id)
}

/** Notifications of these owners, or with these ids, that have an open channel. */
export async function openAmong(sql: Reader, ownerIds: readonly string[], ids: readonly string[]): Promise<string[]> {
  const isOpen = `(select count(*) from deliveries
    where notification_id = notifications.id and status not in ('waiting', 'held')) < channels`
  const [owned, named] = await Promise.all([
    sql.all<{ id: string }>(`select id from notifications where owner_id in each(?) and ${isOpen}`, ownerIds),
    sql.all<{ id: string }>(`select id from notifications where id in each(?) and ${isOpen}`, ids),
  ])
  return [...owned, ...named].map(({ id }) => id)
}

interface Over {
  ownerIds: readonly string[]
  known: KnownAs
  /** The keys of their preferences, throttles and contacts. */
  recipients: readonly string[]
  /** Ids of unencrypted notifications. */
  plain: readonly string[]
}

export async function removeAll(database: Database, { ownerIds, known, recipients, plain }: Over): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.run('delete from customers where id in each(?)', known.names)
    await tx.run('delete from mailboxes where customer_id in each(?)', known.names)
    await tx.run('delete from preferences where recipient in each(?)', recipients)
    await tx.run('delete from throttles where recipient in each(?)', recipients)
    await tx.run('delete from contacts where name in each(?)', recipients)
    await tx.run('delete from open_digests where recipient in each(?)', recipients)
    await hashSuppressions(tx, known)
    await tx.run(
      `update notifications set ${channels.map((channel) => `${channel}_index = null`).join(', ')} where owner_id in each(?)`,
      ownerIds,
    )
    // Providers' texts about them, which earlier versions stored unchanged.
    await tx.run(
      `update reports set error = '' where error is not null and notification_id in
         (select id from notifications where owner_id in each(?))`,
      ownerIds,
    )
    if (plain.length > 0) await empty(tx, plain)
  })
}

/** Removes content, recipients and idempotency keys of these notifications. */
async function empty(tx: Sql, ids: readonly string[]): Promise<void> {
  await tx.run(
    `update notifications set customer_id = '', payload = '',
       ${channels.map((channel) => `${channel} = case when ${channel} is null then null else '' end`).join(', ')}
     where id in each(?)`,
    ids,
  )
  for (const table of ['deliveries', 'attempts', 'reports'])
    await tx.run(`update ${table} set error = '' where error is not null and notification_id in each(?)`, ids)
  await tx.run('delete from idempotency_keys where notification_id in each(?)', ids)
}

/** The address must stay suppressed, so a keyed hash replaces it. */
async function hashSuppressions(tx: Sql, { addresses }: KnownAs): Promise<void> {
  const found = await tx.all<{ channel: Channel; address: string }>(
    `select channel, address from suppressions where channel in (${channels.map((channel) => `'${channel}'`).join(', ')})
       and address in each(?)`,
    channels.flatMap((channel) => addresses[channel]),
  )
  for (const { channel, address } of found) {
    if (!addresses[channel].includes(address)) continue
    const hash = hashed(suppressionKey(channel, address))
    await tx.run(
      `insert into suppressions (channel, address, reason, notification_id, at)
       select channel, cast(? as text), 'forgotten', notification_id, at from suppressions
       where channel = ? and address = ? and cast(? as text) is not null
       on conflict (channel, address) do nothing`,
      ...[hash, channel, address, hash],
    )
    // Without encryption there is no hash, and the row stays.
    await tx.run(
      `delete from suppressions where channel = ? and address = ?
         and exists (select 1 from suppressions as kept where kept.channel = suppressions.channel and kept.address = ?)`,
      ...[channel, address, hash],
    )
  }
}
