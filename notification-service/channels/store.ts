// The SQL of what the channels know: which addresses take nothing any more, what providers tell afterwards, and which
// of them may have taken a message.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Outgoing } from '../deliveries/domain.ts'
import type { Report, Suppression } from './domain.ts'
import type { OpenCall } from './failover.ts'

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

export async function openCallOf(sql: Reader, { notificationId, channel }: Key): Promise<OpenCall | undefined> {
  return sql.get<OpenCall>(
    'select provider, at from open_calls where notification_id = ? and channel = ?',
    notificationId,
    channel,
  )
}

export async function saveOpenCall(
  tx: Sql,
  { notificationId, channel }: Key,
  { provider, at }: OpenCall,
): Promise<void> {
  await tx.run(
    `insert into open_calls (notification_id, channel, provider, at) values (?, ?, ?, ?)
     on conflict (notification_id, channel) do update set provider = excluded.provider, at = excluded.at`,
    notificationId,
    channel,
    provider,
    at,
  )
}

export async function removeOpenCall(tx: Sql, { notificationId, channel }: Key): Promise<void> {
  await tx.run('delete from open_calls where notification_id = ? and channel = ?', notificationId, channel)
}
