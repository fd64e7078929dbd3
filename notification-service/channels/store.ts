// The SQL of what the channels know: which addresses take nothing any more, what providers tell afterwards, and which
// calls to them are under way or may have been taken.
import { amqpPriority, type Channel } from '@orders/shared/contracts'
import { ATTEMPTS_MAX } from '@orders/shared/messaging'
import type { Sql } from '@orders/shared/storage'
import type { DeliveryStatus, Outgoing } from '../deliveries/domain.ts'
import type { OpenCall } from './calls.ts'
import type { Report, Suppression } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

const SUPPRESSION = `channel, address, reason, notification_id as "notificationId", at`

export async function suppressionOf(sql: Reader, channel: Channel, address: string): Promise<Suppression | undefined> {
  return sql.get<Suppression>(
    `select ${SUPPRESSION} from suppressions where channel = ? and address = ?`,
    channel,
    keyOf(channel, address),
  )
}

/** The first reason stands. */
export async function saveSuppression(tx: Sql, suppression: Suppression): Promise<void> {
  const { channel, address, reason, notificationId, at } = suppression
  await tx.run(
    `insert into suppressions (channel, address, reason, notification_id, at) values (?, ?, ?, ?, ?)
     on conflict (channel, address) do nothing`,
    channel,
    keyOf(channel, address),
    reason,
    notificationId,
    at,
  )
}

/** The newest first, those of one address when it is given. */
export async function listSuppressions(
  sql: Reader,
  { address, limit }: { address: string | undefined; limit: number },
): Promise<Suppression[]> {
  return sql.all<Suppression>(
    `select ${SUPPRESSION} from suppressions
     where ${address === undefined ? `? = '' and ? = ''` : 'address in (?, ?)'} order by at desc, address limit ?`,
    address ?? '',
    address?.toLowerCase() ?? '',
    limit,
  )
}

/** By whatever channel; false when it was not on the list. */
export async function removeSuppression(tx: Sql, address: string): Promise<boolean> {
  const removed = await tx.run(
    `delete from suppressions where address = ? or (channel = 'email' and address = ?)`,
    address,
    keyOf('email', address),
  )
  return removed > 0
}

/** Mailboxes differ in case only on paper. */
function keyOf(channel: Channel, address: string): string {
  return channel === 'email' ? address.toLowerCase() : address
}

/** False when it was told before. */
export async function saveReport(tx: Sql, report: Report): Promise<boolean> {
  const { notificationId, channel, status, providerId, error, at } = report
  const added = await tx.run(
    `insert into reports (notification_id, channel, status, provider_id, error, at) values (?, ?, ?, ?, ?, ?)
     on conflict (notification_id, channel, status) do nothing`,
    notificationId,
    channel,
    status,
    providerId,
    error,
    at,
  )
  return added > 0
}

export async function reportsOf(sql: Reader, notificationId: string): Promise<Omit<Report, 'notificationId'>[]> {
  return sql.all<Omit<Report, 'notificationId'>>(
    `select channel, status, provider_id as "providerId", error, at from reports where notification_id = ? order by at`,
    notificationId,
  )
}

type Key = Pick<Outgoing, 'notificationId' | 'channel'>

export async function openCallOf(
  sql: Pick<Sql, 'get'>,
  { notificationId, channel }: Key,
): Promise<OpenCall | undefined> {
  return sql.get<OpenCall>(
    'select provider, at from open_calls where notification_id = ? and channel = ?',
    notificationId,
    channel,
  )
}

/** Where a message stands: its status, the call that is kept, and who claims it. */
export interface Stand {
  status: DeliveryStatus
  provider: string | null
  at: string | null
  claimedBy: string | null
}

export async function standOf(tx: Sql, { notificationId, channel }: Key): Promise<Stand> {
  const stand = await tx.get<Omit<Stand, 'status'> & { status: DeliveryStatus | null }>(
    `select (select status from deliveries where notification_id = ? and channel = ?) as status, provider, at,
       claimed_by as "claimedBy"
     from (select 1 as one) as one left join open_calls on notification_id = ? and channel = ?`,
    notificationId,
    channel,
    notificationId,
    channel,
  )
  return { ...NOTHING_YET, ...stand, status: stand?.status ?? 'waiting' }
}

const NOTHING_YET = { provider: null, at: null, claimedBy: null }

export async function saveCall(
  tx: Sql,
  { notificationId, channel }: Key,
  { provider, at }: OpenCall,
  claim: string,
): Promise<void> {
  await tx.run(
    `insert into open_calls (notification_id, channel, provider, at, claimed_by) values (?, ?, ?, ?, ?)
     on conflict (notification_id, channel) do update
     set provider = excluded.provider, at = excluded.at, claimed_by = excluded.claimed_by`,
    notificationId,
    channel,
    provider,
    at,
    claim,
  )
}

/** Ends this claim and no other; `open` stays. */
export async function endCall(
  tx: Sql,
  { notificationId, channel }: Key,
  claim: string,
  open: OpenCall | undefined,
): Promise<void> {
  const which = [notificationId, channel, claim]
  const where = 'where notification_id = ? and channel = ? and claimed_by = ?'
  if (open)
    await tx.run(
      `update open_calls set provider = ?, at = ?, claimed_by = null ${where}`,
      open.provider,
      open.at,
      ...which,
    )
  else await tx.run(`delete from open_calls ${where}`, ...which)
}

/** Once the message is sent there is nothing more to know of any call. */
export async function removeCall(tx: Sql, { notificationId, channel }: Key): Promise<void> {
  await tx.run('delete from open_calls where notification_id = ? and channel = ?', notificationId, channel)
}

/** The urgent ones of which a channel has neither ended nor been tried as often as may be, the oldest first. */
export async function urgentAndUnsent(sql: Pick<Sql, 'all'>, since: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ id: string }>(
    `select id from notifications where priority >= ${amqpPriority.failure} and created_at >= ?
       and (select count(*) from deliveries
            where notification_id = notifications.id and (status <> 'waiting' or attempts >= ${ATTEMPTS_MAX})) < channels
     order by created_at limit ?`,
    since,
    limit,
  )
  return rows.map(({ id }) => id)
}
