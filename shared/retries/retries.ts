// Retries are rows: a delivery that is to be handled at a later time stands in the service's own database, whatever becomes
// of the broker, the process or its copies in between.
//
// Promise: a row ends only in the commit that handles it, gives it up, or follows the confirm of its dead copy.

import type { Properties } from '../messaging/broker.ts'
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
  // The casts are the decoding edge: every row was written by `insertRows`.
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

/** What is kept already stays as it is. */
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

/** The queues of which something is due. */
export async function queuesDue(sql: Reader, now: string): Promise<string[]> {
  const rows = await sql.all<{ queue: string }>('select distinct queue from retries where due_at <= ?', now)
  return rows.map(({ queue }) => queue)
}

interface Claim {
  queue: string
  now: string
  /** When they are due again, should nobody hear of this attempt. */
  until: string
  /** Types that are not to be tried now, unless their time is over. */
  held: string[]
  limit: number
  /** Where copies claim at the same moment. */
  skipLocked: boolean
}

/**
 * Counts an attempt of each of those that are due, the longest due first, and gives them: nobody else is given them until the
 * attempt has ended, or its time has passed. Materialized, as in `claimRows`.
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

/** Ends the claims of a queue that would end at these instants, so that what was claimed is due again. */
export async function giveBack(sql: Sql, { queue, ends, now }: { queue: string; ends: string[]; now: string }) {
  await sql.run('update retries set due_at = ? where queue = ? and due_at in each(?)', now, queue, ends)
}

/** Those that waited for this are due now: its type is known, its key is there, or its turn has come. Their patience begins anew. */
export async function release(sql: Sql, awaited: string[], now: string): Promise<number> {
  return sql.run(
    'update retries set due_at = ?, ends_at = null, waits_for = null where waits_for is not null and waits_for in each(?)',
    now,
    awaited,
  )
}

/** By what is awaited, when it was there: for whoever sees that what should have released it came too early for that. */
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
  /** The last of the page before. */
  after?: { dueAt: string; id: string } | undefined
  limit: number
}

/** Those that are due first first. */
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
}

/** What waits, by type. */
export async function countRetries(sql: Reader): Promise<Waiting[]> {
  return sql.all<Waiting>('select type, count(*) as count, min(kept_at) as oldest from retries group by type')
}

/** How many of a queue wait for somebody who knows them, counted no further than `limit`. */
export async function countUnknown(sql: Reader, queue: string, limit: number): Promise<number> {
  const row = await sql.get<{ count: number }>(
    `select count(*) as count from
       (select 1 from retries where queue = ? and waits_for is not null limit ?) as waiting`,
    queue,
    limit,
  )
  return Number(row?.count ?? 0)
}
