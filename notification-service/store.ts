// The SQL of the notifications: what was to be said, written once, and where each channel stands with it.
import { type Channel, channels } from '@orders/shared/contracts'
import type { Change, State } from '@orders/shared/messaging'
import { insert, type Reader, type Sql, type Value } from '@orders/shared/storage'
import type { Words } from './content.ts'
import type { Standing, Telling } from './deliveries/domain.ts'
import type { DeliveryStatus } from './deliveries/status.ts'
import { saveFailures } from './deliveries/store.ts'
import { type Addresses, channelsOf, type Notification } from './domain.ts'

/** By the notification's id. */
export const tellings: State<Telling> = { name: 'notifications', load, save }

/** The notifications of one order, by its id: what was heard of it, and what is still to be said. Never saved. */
export const toldOfOrders: State<string[]> = { name: 'orders', load: loadToldOfOrders, save: async () => undefined }

interface Payload {
  words: Words
}

/** What a row holds of the addresses, by channel. */
type AddressColumns = Record<Channel, string | null>

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
  created_at as "createdAt", customer_id as "customerId", send_at as "sendAt", expires_at as "expiresAt",
  ${channels.join(', ')}`

const STANDING = `channel, status, attempts, provider, provider_id as "providerId", error, duration_ms as "durationMs",
  updated_at as "updatedAt", due_at as "dueAt", held_because as "heldBecause", digest_id as "digestId",
  call_provider as "callProvider", call_at as "callAt", claimed_by as "claimedBy", generation, turn_ms as "turnMs"`

interface StandingRow extends Omit<Standing, 'call'> {
  notificationId: string
  channel: Channel
  callProvider: string | null
  callAt: string | null
  claimedBy: string | null
}

async function load(sql: Reader, ids: string[]): Promise<Map<string, Telling>> {
  const [notifications, deliveries] = await Promise.all([
    sql.all<NotificationRow>(`select ${NOTIFICATION} from notifications where id in each(?)`, ids),
    sql.all<StandingRow>(
      `select notification_id as "notificationId", ${STANDING} from deliveries where notification_id in each(?)`,
      ids,
    ),
  ])
  const all = new Map<string, Telling>()
  for (const row of notifications)
    all.set(row.id, { notification: notificationOfRow(row), standings: {}, failures: [] })
  for (const row of deliveries) {
    const telling = all.get(row.notificationId)
    if (telling) telling.standings[row.channel] = standingOfRow(row)
  }
  return all
}

/** Field by field: to leave some out of a copy takes V8 many times as long, and every mail is loaded three times. */
function standingOfRow(row: StandingRow): Standing {
  const { callProvider, callAt, claimedBy } = row
  return {
    status: row.status,
    attempts: row.attempts,
    provider: row.provider,
    providerId: row.providerId,
    error: row.error,
    durationMs: row.durationMs,
    updatedAt: row.updatedAt,
    dueAt: row.dueAt,
    heldBecause: row.heldBecause,
    digestId: row.digestId,
    generation: row.generation,
    turnMs: row.turnMs,
    call: callProvider === null || callAt === null ? null : { provider: callProvider, at: callAt, claimedBy },
  }
}

async function save(tx: Sql, changes: Change<Telling>[]): Promise<void> {
  const fresh = changes.flatMap(({ before, after }) => (before ? [] : [after.notification]))
  const standings = changes.flatMap(({ before, after }) =>
    channels.flatMap((channel) => {
      const standing = after.standings[channel]
      return !standing || standing === before?.standings[channel]
        ? []
        : [rowOfStanding(after.notification.id, channel, standing)]
    }),
  )
  await Promise.all([
    insert(tx, NOTIFICATION_COLUMNS, fresh.map(rowOfNotification)),
    insert(tx, STANDING_COLUMNS, standings, STANDING_REPLACED),
    saveFailures(
      tx,
      changes.flatMap(({ before, after }) => after.failures.slice(before?.failures.length ?? 0)),
    ),
  ])
}

const NOTIFICATION_COLUMNS = `notifications (id, subject, order_id, event_type, category, priority, channels, payload,
  created_at, customer_id, send_at, expires_at, ${channels.join(', ')})`

function rowOfNotification(notification: Notification): Value[] {
  const { id, subject, orderId, eventType, category, priority, addresses, words, createdAt } = notification
  const { customerId, sendAt, expiresAt } = notification
  const payload: Payload = { words }
  return [
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
  ]
}

const STANDING_FIELDS = [
  'status',
  'attempts',
  'provider',
  'provider_id',
  'error',
  'duration_ms',
  'updated_at',
  'due_at',
  'held_because',
  'digest_id',
  'call_provider',
  'call_at',
  'claimed_by',
  'generation',
  'turn_ms',
]
const STANDING_COLUMNS = `deliveries (notification_id, channel, ${STANDING_FIELDS.join(', ')})`
const STANDING_REPLACED = `on conflict (notification_id, channel) do update set
  ${STANDING_FIELDS.map((field) => `${field} = excluded.${field}`).join(', ')}`

function rowOfStanding(notificationId: string, channel: Channel, standing: Standing): Value[] {
  const { status, attempts, provider, providerId, error, durationMs, updatedAt, dueAt, heldBecause, digestId, call } =
    standing
  const outcome = [status, attempts, provider, providerId, error, durationMs, updatedAt]
  const held = [dueAt, heldBecause, digestId]
  return [
    notificationId,
    channel,
    ...outcome,
    ...held,
    call?.provider ?? null,
    call?.at ?? null,
    call?.claimedBy ?? null,
    standing.generation,
    standing.turnMs,
  ]
}

async function loadToldOfOrders(sql: Reader, orderIds: string[]): Promise<Map<string, string[]>> {
  const rows = await sql.all<{ orderId: string; id: string }>(
    'select order_id as "orderId", id from notifications where order_id in each(?) order by sequence',
    orderIds,
  )
  const all = new Map<string, string[]>()
  for (const { orderId, id } of rows) all.set(orderId, [...(all.get(orderId) ?? []), id])
  return all
}

export async function findTelling(sql: Reader, id: string): Promise<Telling | undefined> {
  return (await load(sql, [id])).get(id)
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
export async function listTellings(sql: Reader, page: Page): Promise<Telling[]> {
  const { orderId, to, after, limit } = page
  const rows = await sql.all<{ id: string }>(
    `select id from notifications
     where sequence < ? ${orderId === undefined ? '' : 'and order_id = ?'}
       ${to === undefined ? '' : 'and (lower(email) = ? or sms = ? or push = ? or webhook = ?)'} ${standing(page)}
     order by sequence desc limit ?`,
    after === undefined ? Number.MAX_SAFE_INTEGER : await sequenceOf(sql, after),
    ...(orderId === undefined ? [] : [orderId]),
    ...(to === undefined ? [] : [to.toLowerCase(), to, to, to]),
    limit,
  )
  const all = await load(
    sql,
    rows.map(({ id }) => id),
  )
  return rows.flatMap(({ id }) => all.get(id) ?? [])
}

/** Literals, since only they let the planner use the indexes of failures, of what did not arrive and of what is held. */
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
  const few = status === 'failed' || status === 'held' || status === 'undelivered'
  return few
    ? `and id in (select notification_id from deliveries where status = '${status}' ${ofChannel})`
    : `and exists (select 1 from deliveries where notification_id = notifications.id and status = '${status}' ${ofChannel})`
}

/** 0, which nothing is before, when there is no such notification. */
async function sequenceOf(sql: Reader, id: string): Promise<number> {
  const row = await sql.get<{ sequence: number }>('select sequence from notifications where id = ?', id)
  return row?.sequence ?? 0
}

function notificationOfRow(row: NotificationRow): Notification {
  const addresses: Addresses = {}
  for (const channel of channels) if (row[channel] !== null) addresses[channel] = row[channel]
  let words: Words | undefined
  return {
    id: row.id,
    subject: row.subject,
    orderId: row.orderId,
    eventType: row.eventType,
    category: row.category,
    priority: row.priority,
    createdAt: row.createdAt,
    customerId: row.customerId,
    sendAt: row.sendAt,
    expiresAt: row.expiresAt,
    addresses,
    // Most who load a notification decide about it, and only who renders it reads its words.
    get words() {
      // The cast is the decoding edge: every payload was written by `rowOfNotification`.
      words ??= (JSON.parse(row.payload) as Payload).words
      return words
    },
  }
}
