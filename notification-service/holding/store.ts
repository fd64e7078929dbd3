// The SQL of held deliveries: which are due, until when each is held and why, and that it is held no longer.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Notification } from '../domain.ts'
import type { HoldReason } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

export type Due = Pick<Notification, 'id' | 'subject'>

/** Notifications of which a channel is due, those first that wait the longest. */
export async function dueAt(sql: Reader, now: string, limit: number): Promise<Due[]> {
  return sql.all<Due>(
    `select notifications.id, notifications.subject
     from (
       select notification_id, min(due_at) as first_due_at from deliveries
       where status = 'held' and due_at <= ? group by notification_id order by first_due_at limit ?
     ) due join notifications on notifications.id = due.notification_id
     order by due.first_due_at`,
    now,
    limit,
  )
}

export interface DueChannel {
  channel: Channel
  heldBecause: HoldReason
  /** It waits for this digest, or did before. */
  digestId: string | null
}

export async function dueChannelsOf(tx: Reader, notificationId: string, now: string): Promise<DueChannel[]> {
  return tx.all<DueChannel>(
    `select channel, held_because as "heldBecause", digest_id as "digestId"
     from deliveries where notification_id = ? and status = 'held' and due_at <= ?`,
    notificationId,
    now,
  )
}

interface Hold {
  channel: Channel
  dueAt: string
  reason: HoldReason
  /** Kept once it is there: what was gathered is not gathered again. */
  digestId?: string
}

/** Anew, when it is held already. */
export async function saveHold(tx: Sql, notificationId: string, hold: Hold, at: string): Promise<void> {
  await tx.run(
    `insert into deliveries (notification_id, channel, status, attempts, due_at, held_because, digest_id, updated_at)
     values (?, ?, 'held', 0, ?, ?, ?, ?)
     on conflict (notification_id, channel) do update set due_at = excluded.due_at,
       held_because = excluded.held_because,
       digest_id = coalesce(excluded.digest_id, deliveries.digest_id), updated_at = excluded.updated_at
     where deliveries.status = 'held'`,
    notificationId,
    hold.channel,
    hold.dueAt,
    hold.reason,
    hold.digestId ?? null,
    at,
  )
}

/** From now on it waits for its channel, as what was never held. */
export async function saveReleased(tx: Sql, notificationId: string, channel: Channel, at: string): Promise<void> {
  await tx.run(
    `update deliveries set status = 'waiting', updated_at = ?
     where notification_id = ? and channel = ? and status = 'held'`,
    at,
    notificationId,
    channel,
  )
}

/** What cannot be released is looked at again then, and keeps nothing else waiting. */
export async function putOff(tx: Sql, notificationId: string, until: string): Promise<void> {
  await tx.run(
    `update deliveries set due_at = ? where notification_id = ? and status = 'held' and due_at < ?`,
    until,
    notificationId,
    until,
  )
}
