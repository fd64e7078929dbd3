// notification-service's SQL: what was to be said, where each channel stands with it, and every call to a provider.
import type { Channel } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Words } from './content.ts'
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
  words: Words
}

/** False, with nothing changed, when it is known already. */
export async function saveNotification(tx: Sql, notification: Notification): Promise<boolean> {
  const { id, subject, orderId, eventType, category, priority, addresses, words, createdAt } = notification
  const payload: Payload = { addresses, words }
  const added = await tx.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do nothing`,
    id,
    subject,
    orderId,
    eventType,
    category,
    priority,
    channelsOf(notification).length,
    JSON.stringify(payload),
    createdAt,
  )
  return added > 0
}

/** What a channel is to send, before it is rendered. */
export interface Unrendered extends Omit<Outgoing, 'content'> {
  words: Words
  status: DeliveryStatus
}

/** Undefined when the notification, or this channel of it, does not exist. */
export async function outgoingOf(
  sql: Reader,
  notificationId: string,
  channel: Channel,
): Promise<Unrendered | undefined> {
  const row = await sql.get<
    Pick<Outgoing, 'eventType' | 'orderId' | 'createdAt'> & { status: DeliveryStatus; payload: string }
  >(
    `select coalesce(deliveries.status, 'waiting') as status, notifications.payload,
       notifications.event_type as "eventType", notifications.order_id as "orderId",
       notifications.created_at as "createdAt"
     from notifications left join deliveries on deliveries.notification_id = notifications.id and deliveries.channel = ?
     where notifications.id = ?`,
    channel,
    notificationId,
  )
  if (!row) return undefined
  const { payload, ...facts } = row
  const { addresses, words } = payloadOf(payload)
  const address = addresses[channel]
  return address === undefined ? undefined : { ...facts, notificationId, channel, address, words }
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
  await changeDelivery(tx, attempt, { status: 'waiting', error, ...change }, { at, attemptsAdded: 1 })
}

/** Brings the delivery to what was decided of it without a call to a provider. */
export async function saveChange(
  tx: Sql,
  delivery: DeliveryKey,
  change: Change | undefined,
  at: string,
): Promise<void> {
  if (change) await changeDelivery(tx, delivery, { error: null, ...change }, { at, attemptsAdded: 0 })
}

type DeliveryKey = Pick<Delivery, 'notificationId' | 'channel'>

async function changeDelivery(
  tx: Sql,
  { notificationId, channel }: DeliveryKey,
  { status, provider, providerId, error }: Omit<Change, 'error'> & { error: string | null },
  { at, attemptsAdded }: { at: string; attemptsAdded: number },
): Promise<void> {
  await tx.run(
    `insert into deliveries (notification_id, channel, status, attempts, provider, provider_id, error, updated_at)
     values (?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (notification_id, channel) do update set attempts = deliveries.attempts + excluded.attempts,
       status = case excluded.status when 'waiting' then deliveries.status else excluded.status end,
       provider = coalesce(excluded.provider, deliveries.provider),
       provider_id = coalesce(excluded.provider_id, deliveries.provider_id),
       error = excluded.error, updated_at = excluded.updated_at`,
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

const NOTIFICATION = `id, subject, order_id as "orderId", event_type as "eventType", category, priority, payload,
  created_at as "createdAt"`

export async function findNotification(sql: Reader, id: string): Promise<Notification | undefined> {
  const row = await sql.get<NotificationRow>(`select ${NOTIFICATION} from notifications where id = ?`, id)
  return row && notificationOfRow(row)
}

export interface DeliveryRow {
  channel: Channel
  status: DeliveryStatus
  attempts: number
  provider: string | null
  providerId: string | null
  error: string | null
  updatedAt: string
}

/** One for each of its channels, whether tried already or not. */
export async function deliveriesOf(sql: Reader, notification: Notification): Promise<DeliveryRow[]> {
  const rows = await sql.all<DeliveryRow>(
    `select channel, status, attempts, provider, provider_id as "providerId", error, updated_at as "updatedAt"
     from deliveries where notification_id = ?`,
    notification.id,
  )
  const untried = { status: 'waiting' as const, attempts: 0, provider: null, providerId: null, error: null }
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
    `select channel, attempt, at, provider, outcome, error,
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

const SETTLED = `(select count(*) from deliveries where notification_id = notifications.id and status <> 'waiting')`

/** One text for each, since only a literal lets the planner use the index of failures. */
const standing: Record<DeliveryStatus | 'any', string> = {
  any: '',
  failed: `and id in (select notification_id from deliveries where status = 'failed')`,
  waiting: `and ${SETTLED} < channels`,
  sent: `and exists (select 1 from deliveries where notification_id = notifications.id and status = 'sent')`,
}

/** The newest first. */
export async function listNotifications(
  sql: Reader,
  { orderId, status, before, limit }: Page,
): Promise<Notification[]> {
  const rows = await sql.all<NotificationRow>(
    `select ${NOTIFICATION} from notifications
     where ${orderId === undefined ? `? = ''` : 'order_id = ?'} and sequence < ? ${standing[status ?? 'any']}
     order by sequence desc limit ?`,
    orderId ?? '',
    before === undefined ? Number.MAX_SAFE_INTEGER : await sequenceOf(sql, before),
    limit,
  )
  return rows.map(notificationOfRow)
}

/** 0, which nothing is before, when there is no such notification. */
async function sequenceOf(sql: Reader, id: string): Promise<number> {
  const row = await sql.get<{ sequence: number }>('select sequence from notifications where id = ?', id)
  return row?.sequence ?? 0
}

function notificationOfRow({ payload, ...row }: NotificationRow): Notification {
  return { ...row, ...payloadOf(payload) }
}

function payloadOf(text: string): Payload {
  // The cast is the decoding edge: every payload was written by `saveNotification`.
  return JSON.parse(text) as Payload
}
