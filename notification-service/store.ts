// The SQL of notifications: their content, which is written once, and the standing of each channel.
import { type Channel, canonicalUser, channels } from '@orders/shared/contracts'
import type { Change, State } from '@orders/shared/messaging'
import {
  hashed,
  insert,
  type Reader,
  type Sealable,
  type Sql,
  sealable,
  sealedFor,
  type Value,
} from '@orders/shared/storage'
import type { Words } from './content.ts'
import type { Standing, Telling } from './deliveries/domain.ts'
import { saveFailures } from './deliveries/store.ts'
import { type Addresses, channelsOf, type Notification, sameAddress } from './domain.ts'
import { MESSAGE } from './templates/schemas.ts'

/** By the notification's id. */
export const tellings: State<Telling> = { name: 'notifications', load, save }

interface Payload {
  words: Words
}

/** The addresses in a row, by channel. */
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
  ownerId: string | null
  sendAt: string | null
  expiresAt: string | null
}

const NOTIFICATION = `id, subject, order_id as "orderId", event_type as "eventType", category, priority, payload,
  created_at as "createdAt", customer_id as "customerId", owner_id as "ownerId", send_at as "sendAt", expires_at as "expiresAt",
  ${channels.join(', ')}`

const STANDING = `channel, status, attempts, provider, provider_id as "providerId", error, duration_ms as "durationMs",
  updated_at as "updatedAt", due_at as "dueAt", held_because as "heldBecause", digest_id as "digestId", superseded_by as "supersededBy",
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

/** Copied field by field: a rest pattern takes V8 many times as long, and every mail is loaded three times. */
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
    supersededBy: row.supersededBy,
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
        : [rowOfStanding(after.notification, channel, standing)]
    }),
  )
  await Promise.all([
    insert(tx, NOTIFICATION_COLUMNS, fresh.map(rowOfNotification)),
    insert(tx, STANDING_COLUMNS, standings, STANDING_REPLACED),
    saveFailures(
      tx,
      changes.flatMap(({ before, after: { failures, notification } }) =>
        failures.slice(before?.failures.length ?? 0).map((failure) => ({ ...failure, ownerId: notification.ownerId })),
      ),
    ),
  ])
}

const NOTIFICATION_COLUMNS = `notifications (id, subject, order_id, event_type, category, priority, channels, payload,
  created_at, customer_id, owner_id, send_at, expires_at, ${channels.join(', ')},
  ${channels.map((channel) => `${channel}_index`).join(', ')})`

function rowOfNotification(notification: Notification): (Value | Sealable)[] {
  const { id, subject, orderId, eventType, category, priority, addresses, words, createdAt } = notification
  const { customerId, ownerId, sendAt, expiresAt } = notification
  const payload: Payload = { words }
  return [
    id,
    subject,
    orderId,
    eventType,
    category,
    priority,
    channelsOf(notification).length,
    sealable(ownerId, JSON.stringify(payload)),
    createdAt,
    sealable(ownerId, customerId),
    sealedFor(ownerId),
    sendAt,
    expiresAt,
    ...channels.map((channel) => sealable(ownerId, addresses[channel])),
    // Unencrypted addresses are indexed by their own columns.
    ...channels.map((channel) => (ownerId === undefined ? null : hashed(indexedAs(channel, addresses[channel])))),
  ]
}

/** With the channel's name, so that the same address on two channels has two hashes. */
export const indexedAs = (channel: Channel, address: string | undefined) =>
  address ? `${channel} ${sameAddress(channel, address)}` : undefined

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
  'superseded_by',
  'call_provider',
  'call_at',
  'claimed_by',
  'generation',
  'turn_ms',
]
const STANDING_COLUMNS = `deliveries (notification_id, channel, ${STANDING_FIELDS.join(', ')})`
const STANDING_REPLACED = `on conflict (notification_id, channel) do update set
  ${STANDING_FIELDS.map((field) => `${field} = excluded.${field}`).join(', ')}`

function rowOfStanding(
  { id: notificationId, ownerId }: Notification,
  channel: Channel,
  standing: Standing,
): (Value | Sealable)[] {
  const {
    status,
    attempts,
    provider,
    providerId,
    error,
    durationMs,
    updatedAt,
    dueAt,
    heldBecause,
    digestId,
    supersededBy,
  } = standing
  const outcome = [status, attempts, provider, providerId, sealable(ownerId, error), durationMs, updatedAt]
  const held = [dueAt, heldBecause, digestId, supersededBy]
  const { call } = standing
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

export async function findTelling(sql: Reader, id: string): Promise<Telling | undefined> {
  return (await load(sql, [id])).get(id)
}

/** The words of a notification whose recipient is forgotten: they are gone. */
const FORGOTTEN: Words = { template: MESSAGE, version: '', locale: null, currency: 'EUR', data: {} }

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
    // Earlier versions stored the user as the order spelled it. Encrypted values are never rewritten.
    customerId: row.customerId ? canonicalUser(row.customerId) : null,
    ...(row.ownerId !== null && { ownerId: row.ownerId }),
    ...(row.payload === '' && { isForgotten: true as const }),
    sendAt: row.sendAt,
    expiresAt: row.expiresAt,
    addresses,
    // Parsed when first read: most decisions need no words, only rendering does.
    get words() {
      // The cast is safe: only `rowOfNotification` writes payloads.
      words ??= row.payload === '' ? FORGOTTEN : (JSON.parse(row.payload) as Payload).words
      return words
    },
  }
}
