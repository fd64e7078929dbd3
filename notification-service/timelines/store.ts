// The SQL of timelines. A timeline consists of the subject's notifications, so it has no table of its own.
import { type Channel, channels } from '@orders/shared/contracts'
import type { State } from '@orders/shared/messaging'
import type { Reader } from '@orders/shared/storage'
import type { DeliveryStatus } from '../deliveries/status.ts'
import type { Entry, Timeline, Way } from './domain.ts'

/**
 * By the subject, which is an order's id. Never saved. The state's name sorts before `notifications`, so that a group
 * that locks both locks it first.
 */
export const timelines: State<Timeline> = { name: 'courses', load, save: async () => undefined }

type Row = Record<Channel, number> & {
  subject: string
  id: string
  eventType: string
  createdAt: string
  channel: Channel | null
  status: DeliveryStatus
  attempts: number
  dueAt: string | null
  claimedBy: string | null
  digestId: string | null
  digestStatus: DeliveryStatus | null
  digestAttempts: number | null
  digestDueAt: string | null
  digestClaimedBy: string | null
}

const GOES_BY = channels
  .map((channel) => `case when notifications.${channel} is null then 0 else 1 end as ${channel}`)
  .join(', ')

const UNTRIED: Way = { status: 'waiting', attempts: 0, dueAt: null, claimedBy: null }

async function load(sql: Reader, subjects: string[]): Promise<Map<string, Timeline>> {
  const rows = await sql.all<Row>(
    `select notifications.order_id as subject, notifications.id, notifications.event_type as "eventType",
       notifications.created_at as "createdAt", ${GOES_BY},
       own.channel, own.status, own.attempts, own.due_at as "dueAt", own.claimed_by as "claimedBy", digests.id as "digestId",
       digest.status as "digestStatus", digest.attempts as "digestAttempts", digest.due_at as "digestDueAt",
       digest.claimed_by as "digestClaimedBy"
     from notifications left join deliveries own on own.notification_id = notifications.id
       left join notifications digests on own.status = 'digested' and digests.id = own.digest_id
       left join deliveries digest on digest.notification_id = digests.id and digest.channel = own.channel
     where notifications.order_id in each(?) order by notifications.sequence`,
    subjects,
  )
  const all = new Map<string, Entry[]>()
  for (const row of rows) {
    const timeline = all.get(row.subject) ?? []
    all.set(row.subject, timeline)
    let entry = timeline.at(-1)
    if (entry?.id !== row.id) {
      entry = { id: row.id, eventType: row.eventType, createdAt: row.createdAt, ways: {} }
      for (const channel of channels) if (row[channel]) entry.ways[channel] = UNTRIED
      timeline.push(entry)
    }
    const { channel, status, attempts, dueAt, claimedBy } = row
    if (channel !== null) entry.ways[channel] = { status, attempts, dueAt, claimedBy, ...digestIn(row) }
  }
  return all
}

function digestIn(row: Row): Pick<Way, 'digest'> {
  const { digestId: id, digestStatus: status, digestAttempts: attempts, digestDueAt: dueAt } = row
  if (id === null) return {}
  if (status === null) return { digest: { id, ...UNTRIED } }
  return { digest: { id, status, attempts: attempts ?? 0, dueAt, claimedBy: row.digestClaimedBy } }
}
