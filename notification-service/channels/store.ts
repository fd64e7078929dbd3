// The SQL of the channels: suppressions, reports of providers, rate limits, and urgent notifications that are not sent
// yet.
import { amqpPriority, type Channel, channels } from '@orders/shared/contracts'
import { type Change, DEFAULT_PATIENCE, type State } from '@orders/shared/messaging'
import { hashed, insert, type Reader, type Sql } from '@orders/shared/storage'
import { sameAddress } from '../domain.ts'
import type { Report, Suppression, SuppressionStop } from './domain.ts'

/** By `suppressionKey`. Null once it is removed. */
export const suppressions: State<Suppression | null> = {
  name: 'suppressions',
  load: loadSuppressions,
  save: saveSuppressions,
}
/** By the channel: the next free turn, in milliseconds since 1970. */
export const paces: State<number> = { name: 'paces', load: loadPaces, save: savePaces }
/** By the provider. */
export const suppressionStops: State<SuppressionStop> = { name: 'suppression stops', load: loadStops, save: saveStops }
/** By the signature: when it was used. */
export const hookSignatures: State<string> = {
  name: 'hook signatures',
  load: loadSignatures,
  save: saveSignatures,
}
/** By `reportKey`: each status is stored once, however often it is reported. */
export const reports: State<Report> = { name: 'reports', load: loadReports, save: saveReports }

export function suppressionKey(channel: Channel, address: string): string {
  return `${channel} ${sameAddress(channel, address)}`
}

const SUPPRESSION = `channel, address, reason, notification_id as "notificationId", at`

/** The sizes of the query: few different texts, so that few statements are prepared. */
const SOUGHT = [1, 2, 4, 8, 16, 32, 64, 128, 256]

/** By the address, or by the hash that replaced it when its owner was forgotten. */
async function loadSuppressions(sql: Reader, keys: string[]): Promise<Map<string, Suppression>> {
  const found = new Map<string, Suppression>()
  for (let at = 0; at < keys.length; at += 256) {
    const part = keys.slice(at, at + 256)
    const size = SOUGHT.find((one) => one >= part.length) ?? part.length
    // The unused places repeat the last key.
    const sought = Array.from({ length: size }, (_, index) => part[Math.min(index, part.length - 1)] ?? '')
    const values = sought.map(() => '(cast(? as text), cast(? as text), cast(? as text), cast(? as text))').join(', ')
    const rows = await sql.all<Suppression & { key: string }>(
      `with sought (key, channel, address, hash) as (values ${values})
       select distinct sought.key, ${SUPPRESSION.replaceAll(/(channel|address)/g, 'suppressions.$1')} from sought
       join suppressions on suppressions.channel = sought.channel and suppressions.address in (sought.address, sought.hash)`,
      ...sought.flatMap((key) => [key, ...partsOf(key), hashed(key)]),
    )
    for (const { key, ...row } of rows) found.set(key, row)
  }
  return found
}

function partsOf(key: string): [channel: string, address: string] {
  const blank = key.indexOf(' ')
  return [key.slice(0, blank), key.slice(blank + 1)]
}

async function saveSuppressions(tx: Sql, changes: Change<Suppression | null>[]): Promise<void> {
  // A change of a stored suppression means that it was removed, and perhaps added again for another reason.
  const removed = changes.flatMap(({ before }) => before ?? [])
  for (const { channel, address } of removed)
    await tx.run('delete from suppressions where channel = ? and address = ?', channel, address)
  await insert(
    tx,
    'suppressions (channel, address, reason, notification_id, at)',
    changes.flatMap(({ after }) =>
      after
        ? [[after.channel, sameAddress(after.channel, after.address), after.reason, after.notificationId, after.at]]
        : [],
    ),
    'on conflict (channel, address) do nothing',
  )
}

/** The last row of a page. */
export interface SuppressionPlace {
  at: string
  address: string
  channel: string
}

const NOW: SuppressionPlace = { at: '9999', address: '', channel: '' }

/** The newest first; if an address is given, only those of this address. */
export async function listSuppressions(
  sql: Reader,
  {
    address,
    before = NOW,
    limit,
  }: { address?: string | undefined; before?: SuppressionPlace | undefined; limit: number },
): Promise<Suppression[]> {
  return sql.all<Suppression>(
    `select ${SUPPRESSION} from suppressions
     where ${address === undefined ? '' : `address in (${[...channels, ...channels].map(() => '?').join(', ')}) and`} (at, address, channel) < (?, ?, ?)
     order by at desc, address desc, channel desc limit ?`,
    ...(address === undefined
      ? []
      : [
          ...channels.map((channel) => sameAddress(channel, address)),
          ...channels.map((channel) => hashed(suppressionKey(channel, address))),
        ]),
    before.at,
    before.address,
    before.channel,
    limit,
  )
}

export function reportKey({ notificationId, channel, status, generation }: Report): string {
  return `${notificationId} ${channel} ${status} ${generation}`
}

const REPORT = `notification_id as "notificationId", channel, status, provider_id as "providerId", error, at, generation`

async function loadReports(sql: Reader, keys: string[]): Promise<Map<string, Report>> {
  const ids = keys.map((key) => key.slice(0, key.indexOf(' ')))
  const rows = await sql.all<Report>(`select ${REPORT} from reports where notification_id in each(?)`, ids)
  return new Map(rows.map((row) => [reportKey(row), row]))
}

async function saveReports(tx: Sql, changes: Change<Report>[]): Promise<void> {
  await insert(
    tx,
    'reports (notification_id, channel, status, provider_id, error, at, generation)',
    changes.map(({ after: { notificationId, channel, status, providerId, error, at, generation } }) => [
      notificationId,
      channel,
      status,
      providerId,
      error,
      at,
      generation,
    ]),
  )
}

export async function reportsOf(sql: Reader, notificationId: string): Promise<Omit<Report, 'notificationId'>[]> {
  return sql.all<Omit<Report, 'notificationId'>>(
    `select channel, status, provider_id as "providerId", error, at, generation from reports where notification_id = ? order by at`,
    notificationId,
  )
}

/** Urgent notifications whose channel has not ended and has attempts left, the oldest first. */
export async function urgentAndUnsent(sql: Reader, channel: Channel, since: string, limit: number): Promise<string[]> {
  const rows = await sql.all<{ id: string }>(
    `select id from notifications
     where priority >= ${amqpPriority.failure} and created_at >= ? and ${channel} is not null and not exists
       (select 1 from deliveries where notification_id = notifications.id and channel = '${channel}'
          and (status <> 'waiting' or attempts >= ${DEFAULT_PATIENCE.attemptsMax}))
     order by created_at limit ?`,
    since,
    limit,
  )
  return rows.map(({ id }) => id)
}

async function loadPaces(sql: Reader, channels: string[]): Promise<Map<string, number>> {
  const rows = await sql.all<{ channel: string; nextMs: number }>(
    'select channel, next_ms as "nextMs" from paces where channel in each(?)',
    channels,
  )
  return new Map(rows.map(({ channel, nextMs }) => [channel, nextMs]))
}

async function savePaces(tx: Sql, changes: Change<number>[]): Promise<void> {
  await insert(
    tx,
    'paces (channel, next_ms)',
    changes.map(({ key, after }) => [key, after]),
    'on conflict (channel) do update set next_ms = excluded.next_ms',
  )
}

async function loadSignatures(sql: Reader, signatures: string[]): Promise<Map<string, string>> {
  const rows = await sql.all<{ signature: string; at: string }>(
    'select signature, touched_at as at from hook_signatures where signature in each(?)',
    signatures,
  )
  return new Map(rows.map(({ signature, at }) => [signature, at]))
}

async function saveSignatures(tx: Sql, changes: Change<string>[]): Promise<void> {
  await insert(
    tx,
    'hook_signatures (signature, touched_at)',
    changes.map(({ key, after }) => [key, after]),
  )
}

const STOP = 'provider, answered, gone, stopped_at as "stoppedAt", released_at as "releasedAt"'

async function loadStops(sql: Reader, providers: string[]): Promise<Map<string, SuppressionStop>> {
  const rows = await sql.all<SuppressionStop>(
    `select ${STOP} from suppression_stops where provider in each(?)`,
    providers,
  )
  return new Map(rows.map((row) => [row.provider, row]))
}

async function saveStops(tx: Sql, changes: Change<SuppressionStop>[]): Promise<void> {
  await insert(
    tx,
    'suppression_stops (provider, answered, gone, stopped_at, released_at)',
    changes.map(({ after }) => [after.provider, after.answered, after.gone, after.stoppedAt, after.releasedAt]),
    `on conflict (provider) do update set answered = excluded.answered, gone = excluded.gone,
       stopped_at = excluded.stopped_at, released_at = excluded.released_at`,
  )
}

/** All of them: a provider has one row, so there are few. */
export async function listStops(sql: Reader): Promise<SuppressionStop[]> {
  return sql.all<SuppressionStop>(`select ${STOP} from suppression_stops order by provider`)
}
