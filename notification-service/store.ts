// The SQL of the notifications themselves: what was to be said, written once.
import type { Sql } from '@orders/shared/storage'
import type { Words } from './content.ts'
import type { DeliveryStatus } from './deliveries/domain.ts'
import { type Addresses, channelsOf, type Notification } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

interface Payload {
  addresses: Addresses
  words: Words
}

/** False, with nothing changed, when it is known already. */
export async function saveNotification(tx: Sql, notification: Notification): Promise<boolean> {
  const { id, subject, orderId, eventType, category, priority, addresses, words, createdAt } = notification
  const { customerId, sendAt, expiresAt } = notification
  const payload: Payload = { addresses, words }
  const added = await tx.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at,
       customer_id, send_at, expires_at)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
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
  )
  return added > 0
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
  customerId: string | null
  sendAt: string | null
  expiresAt: string | null
}

const NOTIFICATION = `id, subject, order_id as "orderId", event_type as "eventType", category, priority, payload,
  created_at as "createdAt", customer_id as "customerId", send_at as "sendAt", expires_at as "expiresAt"`

export async function findNotification(sql: Reader, id: string): Promise<Notification | undefined> {
  const row = await sql.get<NotificationRow>(`select ${NOTIFICATION} from notifications where id = ?`, id)
  return row && notificationOfRow(row)
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

/** Only a literal lets the planner use the indexes of failures and of what is held. */
const among = (status: DeliveryStatus) =>
  `and id in (select notification_id from deliveries where status = '${status}')`
const having = (status: DeliveryStatus) =>
  `and exists (select 1 from deliveries where notification_id = notifications.id and status = '${status}')`

const standing: Record<DeliveryStatus | 'any', string> = {
  any: '',
  failed: among('failed'),
  held: among('held'),
  waiting: `and ${SETTLED} < channels`,
  sent: having('sent'),
  expired: having('expired'),
  cancelled: having('cancelled'),
  opted_out: having('opted_out'),
  digested: having('digested'),
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

export function payloadOf(text: string): Payload {
  // The cast is the decoding edge: every payload was written by `saveNotification`.
  return JSON.parse(text) as Payload
}
