// The SQL of searches for notifications.
import { type Channel, channels } from '@orders/shared/contracts'
import { hashed, type Reader } from '@orders/shared/storage'
import type { Telling } from '../deliveries/domain.ts'
import type { DeliveryStatus } from '../deliveries/status.ts'
import { indexedAs, tellings } from '../store.ts'

export interface Page {
  orderId: string | undefined
  /** An address of any channel. */
  to: string | undefined
  /** Notifications that use this channel. */
  channel: Channel | undefined
  /** Notifications of which this channel, or any channel, has this status. */
  status: DeliveryStatus | undefined
  /** The id of the last one of the previous page. */
  after: string | undefined
  limit: number
}

/** By the stored address, or by its hash if it is encrypted. */
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

/**
 * Literals instead of parameters: only with them can the planner use the partial indexes of failed, undelivered and
 * held deliveries.
 */
function standing({ status, channel }: Pick<Page, 'status' | 'channel'>): string {
  const wanted = channel === undefined ? '' : `and ${channel} is not null`
  if (status === undefined) return wanted
  const ofChannel = channel === undefined ? '' : `and channel = '${channel}'`
  // A delivery without a row is waiting.
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

/** 0, before which there is nothing, if the notification does not exist. */
async function sequenceOf(sql: Reader, id: string): Promise<number> {
  const row = await sql.get<{ sequence: number }>('select sequence from notifications where id = ?', id)
  return row?.sequence ?? 0
}
