// audit-service's SQL for what orders still wait for.
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
 * The log was followed from one sequence to another, and this is what its subjects wait for now. False, and nothing is saved,
 * when another copy of the service has followed it meanwhile.
 */
export function saveFollowed(database: Database, from: number, to: number, all: readonly Unfinished[]) {
  return database.transaction(async (tx) => {
    const changed = await tx.run(`update followed set sequence = ? where log = 'blocks' and sequence = ?`, to, from)
    if (changed === 1) await save(tx, all)
    return changed === 1
  })
}

/** Only of those that nobody has followed further since they were read. */
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

/** What is missing after one event may be missing after another, too: told apart by both. Two sources may say an event of one id. */
function overdueAmong(gaps: readonly Gap[]): Gap[] {
  return [...new Map(gaps.filter(isOverdue).map((gap) => [nameOf(gap), gap])).values()]
}

const nameOf = ({ after, missing }: Gap) => `${after} ${missing.join(' ')}`

const rowOf = (subject: number, gap: Gap) => [subject, nameOf(gap), hopOf(gap), gap.overdueAt, JSON.stringify(gap)]

export interface Hop {
  hop: string
  count: number
  /** When the oldest of them became overdue. */
  oldest: string
}

export async function listHops(sql: Reader): Promise<Hop[]> {
  const rows = await sql.all<Hop>(
    'select hop, count(*) as count, min(overdue_at) as oldest from gaps group by hop order by count(*) desc, hop',
  )
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

export const gapGauges = (sql: Reader): OwnGauges => ({
  label: 'hop',
  gauges: [{ name: 'order_gaps', help: 'Events that should have followed and are overdue, by hop.' }],
  read: async () => (await listHops(sql)).map(({ hop, count }) => ({ label: hop, values: [count] })),
})

export interface Overdue extends Gap {
  orderId: string
  /** After which something is missing: what the log has it under; undefined of a gap before everything else. */
  unanswered?: { subject: number; event: Told } | undefined
}

/** Where a page ended. */
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

/** Those that have been overdue the longest first. */
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
    // One more tells whether there is a page after this one.
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
  // The cast is the decoding edge: only this file writes them.
  const gap = JSON.parse(row.gap) as Gap
  const event = events.find((one) => keyOf(one) === gap.after)
  return { orderId, ...gap, unanswered: event && { subject, event } }
}
