// The SQL by which people look for notifications.
import { type Channel, channels } from '@orders/shared/contracts'
import { hashed, type Reader } from '@orders/shared/storage'
import type { Telling } from '../deliveries/domain.ts'
import type { DeliveryStatus } from '../deliveries/status.ts'
import { indexedAs, tellings } from '../store.ts'

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

/** As it was stored, or by its hash. */
const TO = `and (${[
  ...channels.map((channel) => `(owner_id is null and ${channel === 'email' ? 'lower(email)' : channel} = ?)`),
  ...channels.map((channel) => `${channel}_index = ?`),
].join(' or ')})`

/** The newest first. */
export async function listTellings(sql: Reader, page: Page): Promise<Telling[]> {
  const { orderId, to, after, limit } = page
  const rows = await sql.all<{ id: string }>(
    `select id from notifications
     where sequence < ? ${orderId === undefined ? '' : 'and order_id = ?'}
       ${to === undefined ? '' : TO} ${standing(page)}
     order by sequence desc limit ?`,
    after === undefined ? Number.MAX_SAFE_INTEGER : await sequenceOf(sql, after),
    ...(orderId === undefined ? [] : [orderId]),
    ...(to === undefined ? [] : [to.toLowerCase(), to, to, to]),
    ...(to === undefined ? [] : channels.map((channel) => hashed(indexedAs(channel, to)))),
    limit,
  )
  const all = await tellings.load(
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
