// The SQL of the notifications themselves: what was to be said, written once.
import { type Channel, channels } from '@orders/shared/contracts'
import type { Sql } from '@orders/shared/storage'
import type { Words } from './content.ts'
import type { DeliveryStatus } from './deliveries/domain.ts'
import { channelsOf, type Notification } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

interface Payload {
  words: Words
}

/** False, with nothing changed, when it is known already. */
export async function saveNotification(tx: Sql, notification: Notification): Promise<boolean> {
  const { id, subject, orderId, eventType, category, priority, addresses, words, createdAt } = notification
  const { customerId, sendAt, expiresAt } = notification
  const payload: Payload = { words }
  const added = await tx.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at,
       customer_id, send_at, expires_at, email, sms, push, webhook)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
    customerId,
    sendAt,
    expiresAt,
    ...channels.map((channel) => addresses[channel] ?? null),
  )
  return added > 0
}

/** One column for each channel. */
export const ADDRESSES = channels.join(', ')

/** What a row holds of the addresses, by channel. */
export type AddressColumns = Record<Channel, string | null>

interface NotificationRow extends AddressColumns {
  id: string
  subject: string
  orderId: string | null
  eventType: string
  category: string
  priority: number
  payload: string
  createdAt: string
  customerId: string | null
  sendAt: string | null
  expiresAt: string | null
}

const NOTIFICATION = `id, subject, order_id as "orderId", event_type as "eventType", category, priority, payload,
  created_at as "createdAt", customer_id as "customerId", send_at as "sendAt", expires_at as "expiresAt", ${ADDRESSES}`

export async function findNotification(sql: Reader, id: string): Promise<Notification | undefined> {
  const row = await sql.get<NotificationRow>(`select ${NOTIFICATION} from notifications where id = ?`, id)
  return row && notificationOfRow(row)
}

export interface Page {
  orderId: string | undefined
  /** An address, of whatever channel. */
  to: string | undefined
  /** Those that go by this channel. */
  channel: Channel | undefined
  /** Those of which this channel, or some channel, stands so. */
  status: DeliveryStatus | undefined
  /** The id of the last one of the page before. */
  after: string | undefined
  limit: number
}

/** The newest first. */
export async function listNotifications(sql: Reader, page: Page): Promise<Notification[]> {
  const { orderId, to, after, limit } = page
  const rows = await sql.all<NotificationRow>(
    `select ${NOTIFICATION} from notifications
     where sequence < ? ${orderId === undefined ? '' : 'and order_id = ?'}
       ${to === undefined ? '' : 'and (lower(email) = ? or sms = ? or push = ? or webhook = ?)'} ${standing(page)}
     order by sequence desc limit ?`,
    after === undefined ? Number.MAX_SAFE_INTEGER : await sequenceOf(sql, after),
    ...(orderId === undefined ? [] : [orderId]),
    ...(to === undefined ? [] : [to.toLowerCase(), to, to, to]),
    limit,
  )
  return rows.map(notificationOfRow)
}

/** Literals, since only they let the planner use the indexes of failures and of what is held. */
function standing({ status, channel }: Pick<Page, 'status' | 'channel'>): string {
  const wanted = channel === undefined ? '' : `and ${channel} is not null`
  if (status === undefined) return wanted
  const ofChannel = channel === undefined ? '' : `and channel = '${channel}'`
  // Without a row, a delivery waits.
  if (status === 'waiting') {
    const settled = `(select count(*) from deliveries
       where notification_id = notifications.id and status <> 'waiting' ${ofChannel})`
    return `${wanted} and ${settled} < ${channel === undefined ? 'channels' : '1'}`
  }
  const few = status === 'failed' || status === 'held'
  return few
    ? `and id in (select notification_id from deliveries where status = '${status}' ${ofChannel})`
    : `and exists (select 1 from deliveries where notification_id = notifications.id and status = '${status}' ${ofChannel})`
}

/** 0, which nothing is before, when there is no such notification. */
async function sequenceOf(sql: Reader, id: string): Promise<number> {
  const row = await sql.get<{ sequence: number }>('select sequence from notifications where id = ?', id)
  return row?.sequence ?? 0
}

function notificationOfRow({ payload, email, sms, push, webhook, ...row }: NotificationRow): Notification {
  const known = { email, sms, push, webhook }
  const addresses = channels.flatMap((channel) => (known[channel] === null ? [] : [[channel, known[channel]]]))
  return { ...row, addresses: Object.fromEntries(addresses), words: wordsIn(payload) }
}

export function wordsIn(payload: string): Words {
  // The cast is the decoding edge: every payload was written by `saveNotification`.
  return (JSON.parse(payload) as Payload).words
}
