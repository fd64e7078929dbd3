// Stores retries as rows in the service's own database, so that they survive the broker, the process and its copies.
//
// Promise: a row ends only in the commit that handles it or gives it up, or in one after the confirm of its dead letter.

import type { Properties } from '../messaging/broker.ts'
import { withoutPrivate } from '../runtime/redact.ts'
import { insert, inText, type Reader, type Sql } from '../storage/index.ts'
import type { Change, State } from '../storage/state.ts'
import type { Kept } from './kept.ts'
import type { Attempt } from './recoverability.ts'

export const retries: State<Kept> = { name: 'retries', load, save }

interface RetryRow {
  id: string
  queue: string
  type: string
  subject: string
  exchange: string
  routing_key: string
  body: Buffer
  properties: string
  attempts: number
  due_at: string
  ends_at: string | null
  waits_for: string | null
  code: string
  why: string
  is_outside: number
  history: string
  kept_at: string
}

const COLUMNS =
  'id, queue, type, subject, exchange, routing_key, body, properties, attempts, due_at, ends_at, waits_for, code, why, is_outside, history, kept_at'

async function load(sql: Reader, ids: string[]): Promise<Map<string, Kept>> {
  const rows = await sql.all<RetryRow>(`select ${COLUMNS} from retries where id in each(?)`, ids)
  return new Map(rows.map((row) => [row.id, rowToKept(row)]))
}

function rowToKept(row: RetryRow): Kept {
  // Decoding edge: every row was written by `insertRows`.
  const properties = JSON.parse(row.properties) as Properties
  const history = JSON.parse(row.history) as Attempt[]
  const { exchange, routing_key: routingKey, body } = row
  return {
    id: row.id,
    queue: row.queue,
    type: row.type,
    subject: row.subject,
    delivery: { exchange, routingKey, body, properties },
    attempts: row.attempts,
    dueAt: row.due_at,
    endsAt: row.ends_at,
    waitsFor: row.waits_for,
    code: row.code,
    why: row.why,
    isOutside: row.is_outside === 1,
    history,
    keptAt: row.kept_at,
    isDone: false,
  }
}

async function save(tx: Sql, changes: Change<Kept>[]): Promise<void> {
  const done = changes.filter(({ after }) => after.isDone).map(({ key }) => key)
  const waiting = changes.filter(({ after }) => !after.isDone).map(({ after }) => after)
  await Promise.all([
    done.length > 0 && tx.run('delete from retries where id in each(?)', done),
    insertRows(
      tx,
      waiting,
      `on conflict (id) do update set attempts = excluded.attempts, due_at = excluded.due_at, ends_at = excluded.ends_at,
         waits_for = excluded.waits_for, code = excluded.code, why = excluded.why, is_outside = excluded.is_outside,
         history = excluded.history, kept_at = excluded.kept_at`,
    ),
  ])
}

/** A task that has a row already is not changed. */
export async function addTasks(tx: Sql, tasks: readonly Kept[]): Promise<void> {
  await insertRows(tx, tasks, 'on conflict (id) do nothing')
}

async function insertRows(tx: Sql, rows: readonly Kept[], then: string): Promise<void> {
  await insert(
    tx,
    `retries (${COLUMNS})`,
    rows.map(({ delivery, ...kept }) => [
      kept.id,
      kept.queue,
      inText(kept.type),
      inText(kept.subject),
      inText(delivery.exchange),
      inText(delivery.routingKey),
      delivery.body,
      inText(JSON.stringify(delivery.properties)),
      kept.attempts,
      kept.dueAt,
      kept.endsAt,
      kept.waitsFor,
      inText(kept.code),
      inText(kept.why),
      kept.isOutside ? 1 : 0,
      inText(JSON.stringify(kept.history)),
      kept.keptAt,
    ]),
    then,
  )
}

/** The queues that have due rows. */
export async function queuesDue(sql: Reader, now: string): Promise<string[]> {
  const rows = await sql.all<{ queue: string }>('select distinct queue from retries where due_at <= ?', now)
  return rows.map(({ queue }) => queue)
}

interface Claim {
  queue: string
  now: string
  /** When the rows are due again if the attempt does not report its end. */
  until: string
  /** Types that are not to be tried now, except rows whose time is over. */
  held: string[]
  limit: number
  /** True on PostgreSQL, where copies may claim at the same moment. */
  skipLocked: boolean
}

/**
 * Claims due rows, longest due first, and counts an attempt of each. No other copy gets them until the attempt has ended or its
 * time has passed. `materialized` as in `claimRows`.
 */
export async function claimDue(tx: Sql, { queue, now, until, held, limit, skipLocked }: Claim): Promise<Kept[]> {
  const rows = await tx.all<RetryRow>(
    `with due as materialized (
       select id from retries where queue = ? and due_at <= ? and (ends_at <= ? or not (type in each(?)))
       order by due_at limit ? ${skipLocked ? 'for update skip locked' : ''}
     )
     update retries set attempts = attempts + 1, due_at = ? where id in (select id from due) returning ${COLUMNS}`,
    queue,
    now,
    now,
    held,
    limit,
    until,
  )
  return rows.map(rowToKept).sort((one, other) => (one.keptAt < other.keptAt ? -1 : 1))
}

/** Ends the claims of a queue that would end at these instants, so that their rows are due again. */
export async function giveBack(sql: Sql, { queue, ends, now }: { queue: string; ends: string[]; now: string }) {
  await sql.run('update retries set due_at = ? where queue = ? and due_at in each(?)', now, queue, ends)
}

/**
 * Makes the rows that waited for these values due: a version knows their type, their key is there, or their turn has come.
 * Their patience starts anew.
 */
export async function release(sql: Sql, awaited: string[], now: string): Promise<number> {
  return sql.run(
    'update retries set due_at = ?, ends_at = null, waits_for = null where waits_for is not null and waits_for in each(?)',
    now,
    awaited,
  )
}

/** Not a table. Saving an arrival releases rows that were written just after the commit that should have released them. */
export const arrivals: State<string> = {
  name: 'arrivals',
  load: async () => new Map(),
  save: async () => undefined,
  saved: (tx, changes) =>
    release(
      tx,
      changes.map(({ key }) => key),
      changes.at(-1)?.after ?? '',
    ),
}

export interface RetryPage {
  queue?: string | undefined
  type?: string | undefined
  subject?: string | undefined
  /** The last row of the page before. */
  after?: { dueAt: string; id: string } | undefined
  limit: number
}

/** Rows by due time, earliest first. */
export async function listRetries(sql: Reader, { queue, type, subject, after, limit }: RetryPage): Promise<Kept[]> {
  const wanted = Object.entries({ queue, type, subject }).filter(([, value]) => value !== undefined)
  const rows = await sql.all<RetryRow>(
    `select ${COLUMNS} from retries
     where (due_at, id) > (?, ?) ${wanted.map(([column]) => `and ${column} = ?`).join(' ')}
     order by due_at, id limit ?`,
    after?.dueAt ?? '',
    after?.id ?? '',
    ...wanted.map(([, value]) => value ?? ''),
    limit,
  )
  return rows.map(rowToKept)
}

export interface Waiting {
  type: string
  count: number
  oldest: string
  /** Those among them whose type or version this version does not know: only a newer version can handle them. */
  unknown: number
  /** Why the one that was tried most often failed; null while none was. Others may only wait for it. */
  why: string | null
}

const WHY_CHARS = 200
/** Before each number of attempts, so that all have as many digits and the greatest text is that of the most attempts. */
const DIGITS = 1_000_000

/** Counts the rows by type, in one pass over them. */
export async function countRetries(sql: Reader): Promise<Waiting[]> {
  const rows = await sql.all<Waiting>(
    `select type, count(*) as count, min(kept_at) as oldest,
            sum(case when code in ('unknown_type', 'unknown_version', 'unexpected_type') then 1 else 0 end) as unknown,
            max(case when attempts > 0 and why <> '' then (${DIGITS} + attempts) || ' ' || why end) as why
     from retries group by type`,
  )
  return rows.map(({ why, ...row }) => ({
    ...{ ...row, count: Number(row.count), unknown: Number(row.unknown) },
    why: why === null ? null : withoutPrivate(why.slice(`${DIGITS} `.length)).slice(0, WHY_CHARS),
  }))
}

/** Counts the rows of a queue that wait for a newer version, a key or a turn, up to `limit`. */
export async function countUnknown(sql: Reader, queue: string, limit: number): Promise<number> {
  const row = await sql.get<{ count: number }>(
    `select count(*) as count from
       (select 1 from retries where queue = ? and waits_for is not null limit ?) as waiting`,
    queue,
    limit,
  )
  return Number(row?.count ?? 0)
}
