// The SQL of deliveries and attempts: where each channel stands with a notification, and every call to a provider.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Words } from '../content.ts'
import { channelsOf, type Notification } from '../domain.ts'
import { ADDRESSES, type AddressColumns, wordsIn } from '../store.ts'
import type { Attempt, Change, Delivery, DeliveryStatus, Outgoing } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

/** What a channel is to send, before it is rendered. */
export interface Unrendered extends Omit<Outgoing, 'content'> {
  words: Words
  status: DeliveryStatus
  expiresAt: string | null
  category: string
  customerId: string | null
}

/** Undefined when the notification, or this channel of it, does not exist. */
export async function outgoingOf(
  sql: Reader,
  notificationId: string,
  channel: Channel,
): Promise<Unrendered | undefined> {
  const row = await sql.get<
    Omit<Unrendered, 'notificationId' | 'channel' | 'address' | 'words'> & AddressColumns & { payload: string }
  >(
    `select coalesce(deliveries.status, 'waiting') as status, notifications.payload,
       notifications.event_type as "eventType", notifications.order_id as "orderId",
       notifications.created_at as "createdAt", notifications.expires_at as "expiresAt", ${ADDRESSES},
       notifications.category, notifications.customer_id as "customerId", deliveries.due_at as "heldUntil"
     from notifications left join deliveries on deliveries.notification_id = notifications.id and deliveries.channel = ?
     where notifications.id = ?`,
    channel,
    notificationId,
  )
  const address = row?.[channel]
  if (!row || typeof address !== 'string') return undefined
  const { eventType, orderId, createdAt, heldUntil, status, expiresAt, category, customerId, payload } = row
  const facts = { eventType, orderId, createdAt, heldUntil, status, expiresAt, category, customerId }
  return { ...facts, notificationId, channel, address, words: wordsIn(payload) }
}

export async function deliveryOf(sql: Reader, notificationId: string, channel: Channel): Promise<Delivery | undefined> {
  const row = await sql.get<Omit<Delivery, 'channel'>>(
    `select notifications.id as "notificationId", notifications.subject, notifications.event_type as "eventType",
       coalesce(deliveries.status, 'waiting') as status
     from notifications left join deliveries on deliveries.notification_id = notifications.id and deliveries.channel = ?
     where notifications.id = ?`,
    channel,
    notificationId,
  )
  return row && { ...row, channel }
}

/** Appends one call to a provider, and brings the delivery to what was decided of it. */
export async function saveAttempt(tx: Sql, attempt: Attempt, change?: Change): Promise<void> {
  const { notificationId, channel, at, provider, providerId, error, durationMs } = attempt
  await tx.run(
    `insert into attempts (notification_id, channel, attempt, at, provider, outcome, error, duration_ms,
       provider_id)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    notificationId,
    channel,
    attempt.attempt,
    at,
    provider,
    error === null ? 'sent' : 'failed',
    error,
    durationMs,
    providerId,
  )
  await changeDelivery(tx, attempt, { status: 'waiting', error, ...change }, { at, attemptsAdded: 1 })
}

/** Brings the delivery to what was decided of it without a call to a provider. False when a digest was first. */
export async function saveChange(
  tx: Sql,
  delivery: DeliveryKey,
  change: Change | undefined,
  at: string,
): Promise<boolean> {
  if (!change) return false
  return (await changeDelivery(tx, delivery, { error: null, ...change }, { at, attemptsAdded: 0 })) > 0
}

type DeliveryKey = Pick<Delivery, 'notificationId' | 'channel'>

async function changeDelivery(
  tx: Sql,
  { notificationId, channel }: DeliveryKey,
  { status, provider, providerId, error }: Omit<Change, 'error'> & { error: string | null },
  { at, attemptsAdded }: { at: string; attemptsAdded: number },
): Promise<number> {
  return tx.run(
    `insert into deliveries (notification_id, channel, status, attempts, provider, provider_id, error, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (notification_id, channel) do update set attempts = deliveries.attempts + excluded.attempts,
       status = case excluded.status when 'waiting' then deliveries.status else excluded.status end,
       provider = coalesce(excluded.provider, deliveries.provider),
       provider_id = coalesce(excluded.provider_id, deliveries.provider_id),
       error = excluded.error, updated_at = excluded.updated_at
     where deliveries.status <> 'digested'`,
    notificationId,
    channel,
    status,
    attemptsAdded,
    provider ?? null,
    providerId ?? null,
    error,
    at,
  )
}

export interface DeliveryRow {
  channel: Channel
  status: DeliveryStatus
  attempts: number
  provider: string | null
  providerId: string | null
  error: string | null
  updatedAt: string
  /** Until when it is, or was, held, and why. */
  dueAt: string | null
  heldBecause: string | null
  /** The digest that says it. */
  digestId: string | null
}

/** One for each of its channels, whether tried already or not. */
export async function deliveriesOf(sql: Reader, notification: Notification): Promise<DeliveryRow[]> {
  const rows = await sql.all<DeliveryRow>(
    `select channel, status, attempts, provider, provider_id as "providerId", error, updated_at as "updatedAt",
       due_at as "dueAt", held_because as "heldBecause",
       case status when 'digested' then digest_id end as "digestId"
     from deliveries where notification_id = ?`,
    notification.id,
  )
  const untried = {
    status: 'waiting' as const,
    attempts: 0,
    provider: null,
    providerId: null,
    error: null,
    dueAt: null,
    heldBecause: null,
    digestId: null,
  }
  return channelsOf(notification).map(
    (channel) =>
      rows.find((row) => row.channel === channel) ?? { channel, ...untried, updatedAt: notification.createdAt },
  )
}

/** The newest, should somebody replay the same dead letter all day. */
const ATTEMPTS_SHOWN_MAX = 100

export type AttemptRow = Omit<Attempt, 'notificationId'> & { outcome: string }

export async function attemptsOf(sql: Reader, notificationId: string): Promise<AttemptRow[]> {
  const newest = await sql.all<AttemptRow>(
    `select channel, attempt, at, provider, provider_id as "providerId", outcome, error,
       duration_ms as "durationMs"
     from attempts where notification_id = ? order by sequence desc limit ${ATTEMPTS_SHOWN_MAX}`,
    notificationId,
  )
  return newest.reverse()
}
