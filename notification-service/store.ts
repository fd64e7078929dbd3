// notification-service's SQL: what was to be said, where each channel stands with it, and every call to a provider.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Content } from './content.ts'
import {
  type Addresses,
  type Attempt,
  type Change,
  channelsOf,
  type Delivery,
  type DeliveryStatus,
  type Notification,
  type Outgoing,
} from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

interface Payload {
  addresses: Addresses
  content: Content
}

/** False, with nothing changed, when it is known already. */
export async function saveNotification(tx: Sql, notification: Notification): Promise<boolean> {
  const { id, subject, orderId, eventType, category, priority, addresses, content, createdAt } = notification
  const payload: Payload = { addresses, content }
  const added = await tx.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, payload, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do nothing`,
    id,
    subject,
    orderId,
    eventType,
    category,
    priority,
    JSON.stringify(payload),
    createdAt,
  )
  if (added === 0) return false
  for (const channel of channelsOf(notification)) await addDelivery(tx, id, channel, createdAt)
  return true
}

async function addDelivery(tx: Sql, notificationId: string, channel: Channel, at: string): Promise<void> {
  await tx.run(
    `insert into deliveries (notification_id, channel, status, attempts, updated_at) values (?, ?, 'waiting', 0, ?)`,
    notificationId,
    channel,
    at,
  )
}

/** What a channel is to send; undefined when the notification, or this channel of it, does not exist. */
export async function outgoingOf(
  sql: Reader,
  notificationId: string,
  channel: Channel,
): Promise<(Outgoing & { status: DeliveryStatus }) | undefined> {
  const row = await sql.get<{ status: DeliveryStatus; payload: string; created_at: string }>(
    `select deliveries.status, notifications.payload, notifications.created_at
     from deliveries join notifications on notifications.id = deliveries.notification_id
     where deliveries.notification_id = ? and deliveries.channel = ?`,
    notificationId,
    channel,
  )
  if (!row) return undefined
  const { addresses, content } = payloadOf(row.payload)
  const address = addresses[channel]
  if (address === undefined) return undefined
  return { notificationId, channel, address, content, createdAt: row.created_at, status: row.status }
}

export async function deliveryOf(sql: Reader, notificationId: string, channel: Channel): Promise<Delivery | undefined> {
  return sql.get<Delivery>(
    `select deliveries.notification_id as "notificationId", notifications.subject,
       notifications.event_type as "eventType", deliveries.channel, deliveries.status
     from deliveries join notifications on notifications.id = deliveries.notification_id
     where deliveries.notification_id = ? and deliveries.channel = ?`,
    notificationId,
    channel,
  )
}

/** Appends one call to a provider, and brings the delivery to what was decided of it. */
export async function saveAttempt(tx: Sql, attempt: Attempt, change?: Change): Promise<void> {
  const { notificationId, channel, at, provider, error, durationMs } = attempt
  await tx.run(
    `insert into attempts (notification_id, channel, attempt, at, provider, outcome, error, duration_ms)
     values (?, ?, ?, ?, ?, ?, ?, ?)`,
    notificationId,
    channel,
    attempt.attempt,
    at,
    provider,
    error === null ? 'sent' : 'failed',
    error,
    durationMs,
  )
  await changeDelivery(tx, attempt, { error, ...change }, { at, attemptsAdded: 1 })
}

/** Brings the delivery to what was decided of it without a call to a provider. */
export async function saveChange(
  tx: Sql,
  delivery: Pick<Delivery, 'notificationId' | 'channel'>,
  change: Change | undefined,
  at: string,
): Promise<void> {
  if (change) await changeDelivery(tx, delivery, change, { at, attemptsAdded: 0 })
}

async function changeDelivery(
  tx: Sql,
  { notificationId, channel }: Pick<Delivery, 'notificationId' | 'channel'>,
  { status, provider, providerId, error }: { [K in keyof Change]?: string | null },
  { at, attemptsAdded }: { at: string; attemptsAdded: number },
): Promise<void> {
  await tx.run(
    `update deliveries set attempts = attempts + ?, status = coalesce(?, status), provider = coalesce(?, provider),
       provider_id = coalesce(?, provider_id), error = ?, updated_at = ?
     where notification_id = ? and channel = ?`,
    attemptsAdded,
    status ?? null,
    provider ?? null,
    providerId ?? null,
    error ?? null,
    at,
    notificationId,
    channel,
  )
}

export async function requestOfKey(
  tx: Reader,
  idempotencyKey: string,
): Promise<{ notificationId: string; fingerprint: string } | undefined> {
  return tx.get<{ notificationId: string; fingerprint: string }>(
    `select notification_id as "notificationId", fingerprint from idempotency_keys where idempotency_key = ?`,
    idempotencyKey,
  )
}

export async function saveKey(
  tx: Sql,
  idempotencyKey: string,
  notificationId: string,
  fingerprint: string,
): Promise<void> {
  await tx.run(
    'insert into idempotency_keys (idempotency_key, notification_id, fingerprint) values (?, ?, ?)',
    idempotencyKey,
    notificationId,
    fingerprint,
  )
}

interface NotificationRow {
  id: string
  subject: string
  orderId: string | null
  eventType: string
  category: string
  priority: number
  payload: string
  createdAt: string
}

const NOTIFICATION = `notifications.id, notifications.subject, notifications.order_id as "orderId",
  notifications.event_type as "eventType", notifications.category, notifications.priority, notifications.payload,
  notifications.created_at as "createdAt"`

export async function findNotification(sql: Reader, id: string): Promise<Notification | undefined> {
  const row = await sql.get<NotificationRow>(`select ${NOTIFICATION} from notifications where id = ?`, id)
  return row && notificationOfRow(row)
}

export interface DeliveryRow {
  notificationId: string
  channel: Channel
  status: DeliveryStatus
  attempts: number
  provider: string | null
  providerId: string | null
  error: string | null
  updatedAt: string
}

const DELIVERY = `notification_id as "notificationId", channel, status, attempts, provider, provider_id as "providerId",
  error, updated_at as "updatedAt"`

export async function deliveriesOf(sql: Reader, notificationId: string): Promise<DeliveryRow[]> {
  return sql.all<DeliveryRow>(
    `select ${DELIVERY} from deliveries where notification_id = ? order by channel`,
    notificationId,
  )
}

/** The newest, should somebody replay the same dead letter all day. */
const ATTEMPTS_SHOWN_MAX = 100

export async function attemptsOf(sql: Reader, notificationId: string): Promise<(Attempt & { outcome: string })[]> {
  const newest = await sql.all<Attempt & { outcome: string }>(
    `select notification_id as "notificationId", channel, attempt, at, provider, outcome, error,
       duration_ms as "durationMs"
     from attempts where notification_id = ? order by sequence desc limit ${ATTEMPTS_SHOWN_MAX}`,
    notificationId,
  )
  return newest.reverse()
}

export interface Page {
  orderId: string | undefined
  /** Those of which a channel stands so. */
  status: DeliveryStatus | undefined
  /** The id of the last one of the page before. */
  before: string | undefined
  limit: number
}

/** One text for each, since only a literal lets the planner use the index of failures. */
const standing: Record<DeliveryStatus | 'any', string> = {
  any: '',
  failed: `and id in (select notification_id from deliveries where status = 'failed')`,
  waiting: `and exists (select 1 from deliveries where notification_id = notifications.id and status = 'waiting')`,
  sent: `and exists (select 1 from deliveries where notification_id = notifications.id and status = 'sent')`,
}

/** The newest first. */
export async function listNotifications(
  sql: Reader,
  { orderId, status, before, limit }: Page,
): Promise<Notification[]> {
  const last = before === undefined ? undefined : await findNotification(sql, before)
  const rows = await sql.all<NotificationRow>(
    `select ${NOTIFICATION} from notifications
     where ${orderId === undefined ? `? = ''` : 'order_id = ?'} and (created_at, id) < (?, ?)
     ${standing[status ?? 'any']}
     order by created_at desc, id desc limit ?`,
    orderId ?? '',
    last?.createdAt ?? '9999',
    before ?? '',
    limit,
  )
  return rows.map(notificationOfRow)
}

function notificationOfRow({ payload, ...row }: NotificationRow): Notification {
  return { ...row, ...payloadOf(payload) }
}

function payloadOf(text: string): Payload {
  // The cast is the decoding edge: every payload was written by `saveNotification`.
  return JSON.parse(text) as Payload
}
