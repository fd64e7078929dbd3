// The SQL of what orders still wait for.
import type { OwnGauges } from '@orders/shared/runtime'
import { type Database, insert, type Reader, type Sql } from '@orders/shared/storage'
import type { Gap } from '../story.ts'
import { keyOf, type Told } from '../told.ts'
import { pack, unpack } from './packed.ts'
import { hopOf, isOverdue, lookAt, type Unfinished } from './unfinished.ts'

type Waiting = Omit<Unfinished, 'gaps'>
interface Row {
  subject: number
  order_id: string
  events: string
}

const waitingOf = ({ subject, order_id: orderId, events }: Row): Waiting => ({
  subject,
  orderId,
  events: unpack(orderId, events),
})

/** The sequence up to which the log was followed. */
export async function followedTo(sql: Reader): Promise<number> {
  const row = await sql.get<{ sequence: number }>(`select sequence from followed where log = 'blocks'`)
  return row?.sequence ?? 0
}

export async function waitingAmong(sql: Reader, subjects: readonly number[]): Promise<Map<number, Waiting>> {
  const rows = await sql.all<Row>('select subject, order_id, events from unfinished where subject in each(?)', subjects)
  return new Map(rows.map((row) => [row.subject, waitingOf(row)]))
}

export async function waitingUntil(sql: Reader, now: string, limit: number): Promise<Waiting[]> {
  const rows = await sql.all<Row>(
    'select subject, order_id, events from unfinished where look_at <= ? order by look_at limit ?',
    now,
    limit,
  )
  return rows.map(waitingOf)
}

/**
 * Saves how far the log was followed, and what its subjects wait for now. If another copy has followed it meanwhile, saves
 * nothing and returns false.
 */
export function saveFollowed(database: Database, from: number, to: number, all: readonly Unfinished[]) {
  return database.transaction(async (tx) => {
    const changed = await tx.run(`update followed set sequence = ? where log = 'blocks' and sequence = ?`, to, from)
    if (changed === 1) await save(tx, all)
    return changed === 1
  })
}

/** Saves only if no copy has followed the log since these were read. */
export function saveLooked(database: Database, from: number, all: readonly Unfinished[]) {
  return saveFollowed(database, from, from, all)
}

async function save(tx: Sql, all: readonly Unfinished[]): Promise<void> {
  const subjects = all.map(({ subject }) => subject)
  if (subjects.length === 0) return
  const still = all.filter(({ gaps }) => gaps.length > 0)
  const ended = all.filter(({ gaps }) => gaps.length === 0).map(({ subject }) => subject)
  await Promise.all([
    tx.run('delete from gaps where subject in each(?)', subjects),
    tx.run('delete from unfinished where subject in each(?)', ended),
  ])
  await Promise.all([
    insert(
      tx,
      'unfinished (subject, order_id, events, look_at)',
      still.map((one) => [one.subject, one.orderId, pack(one.orderId, one.events), lookAt(one)]),
      'on conflict (subject) do update set events = excluded.events, look_at = excluded.look_at',
    ),
    insert(
      tx,
      'gaps (subject, missing, hop, overdue_at, gap)',
      still.flatMap(({ subject, gaps }) => overdueAmong(gaps).map((gap) => rowOf(subject, gap))),
    ),
  ])
}

/**
 * An event may be missing after several others, so both make the name of a gap. Two sources may publish events with the same
 * id, so equal names are merged.
 */
function overdueAmong(gaps: readonly Gap[]): Gap[] {
  return [...new Map(gaps.filter(isOverdue).map((gap) => [nameOf(gap), gap])).values()]
}

const nameOf = ({ after, missing }: Gap) => `${after} ${missing.join(' ')}`

const rowOf = (subject: number, gap: Gap) => [subject, nameOf(gap), hopOf(gap), gap.overdueAt, JSON.stringify(gap)]

export interface Hop {
  hop: string
  count: number
  /** When the oldest of these gaps became overdue. */
  oldest: string
}

export async function listHops(sql: Reader): Promise<Hop[]> {
  const rows = await sql.all<Hop>(
    'select hop, count(*) as count, min(overdue_at) as oldest from gaps group by hop order by count(*) desc, hop',
  )
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

/** Looked at: the gaps of a hop that are overdue longest. */
export const FAILED_AMONG = 1_000

/** How many of these gaps wait for a message of this type that is a failed message. */
export async function countFailed(sql: Reader, hop: string, type: string): Promise<number> {
  const row = await sql.get<{ count: number }>(
    `select count(*) as count
     from (select subject from gaps where hop = ? order by overdue_at limit ${FAILED_AMONG}) g
       join unfinished u on u.subject = g.subject
     where exists (select 1 from failures f
                   where f.subject = u.order_id and f.type = ? and f.state in ('waiting', 'sending'))`,
    hop,
    type,
  )
  return Number(row?.count)
}

export const gapGauges = (sql: Reader): OwnGauges => ({
  label: 'hop',
  gauges: [{ name: 'order_gaps', help: 'Events that should have followed and are overdue, by hop.' }],
  read: async () => (await listHops(sql)).map(({ hop, count }) => ({ label: hop, values: [count] })),
})

export interface Overdue extends Gap {
  orderId: string
  /** The event that has no answer, with its subject's number. Undefined if the first event of the order is missing. */
  unanswered?: { subject: number; event: Told } | undefined
}

/** The last gap of a page. */
export interface Place {
  overdueAt: string
  subject: number
  missing: string
}

export interface GapPage {
  hop?: string | undefined
  orderId?: string | undefined
  after?: Place | undefined
  limit: number
}

interface GapRow extends Row {
  overdue_at: string
  missing: string
  gap: string
}

/** The longest overdue first. */
export async function listGaps(sql: Reader, { hop, orderId, after, limit }: GapPage) {
  const { overdueAt = '', subject = 0, missing = '' } = after ?? {}
  const wanted = [
    { condition: 'and g.hop = ?', value: hop },
    { condition: 'and g.subject = (select number from subjects where subject = ?)', value: orderId },
  ].flatMap(({ condition, value }) => (value === undefined ? [] : [{ condition, value }]))
  const rows = await sql.all<GapRow>(
    `select g.overdue_at, g.subject, g.missing, g.gap, u.order_id, u.events
     from gaps g join unfinished u on u.subject = g.subject
     where (g.overdue_at, g.subject, g.missing) > (?, ?, ?) ${wanted.map(({ condition }) => condition).join(' ')}
     order by g.overdue_at, g.subject, g.missing limit ?`,
    overdueAt,
    subject,
    missing,
    ...wanted.map(({ value }) => value),
    // One more row shows whether there is another page.
    limit + 1,
  )
  const page = rows.slice(0, limit)
  const last = rows.length > limit ? page.at(-1) : undefined
  return {
    gaps: page.map(overdueOf),
    next: last && { overdueAt: last.overdue_at, subject: last.subject, missing: last.missing },
  }
}

function overdueOf(row: GapRow): Overdue {
  const { subject, orderId, events } = waitingOf(row)
  // The cast is safe: only this file writes gaps.
  const gap = JSON.parse(row.gap) as Gap
  const event = events.find((one) => keyOf(one) === gap.after)
  return { orderId, ...gap, unanswered: event && { subject, event } }
}
