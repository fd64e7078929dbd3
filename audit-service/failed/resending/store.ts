// The SQL of replays: their members, their progress, and which copy has the turn.
//
// Promise: a failure is sent only by the replay that moved it from `waiting` or `archived` to `sending`. If the process is
// killed, the same replay sends it again later.
import type { Reader, Sql } from '@orders/shared/storage'
import type { By } from '../../acting.ts'
import { conditionOf, type Failure, type Selection } from '../store.ts'
import type { Resend } from './domain.ts'

export interface Told extends Resend, By {
  selection: string
  createdAt: string
  endedAt: string | null
}

/** With the number of messages sent, and of those that failed again. */
export interface Progress extends Told {
  sent: number
  failedAgain: number
}

const COLUMNS = `id, state, why, operator, reason, selection, total, position, step_end as "stepEnd", step_size as "stepSize",
  watch_ms as "watchMs", watch_until as "watchUntil", tolerated, rate_per_second as "ratePerSecond",
  created_at as "createdAt", ended_at as "endedAt"`
const COUNTS = `(select count(*) from failures where resend_id = resends.id and state = 'sent_again') as sent,
  (select count(*) from failures where after_resend = resends.id) as "failedAgain"`

interface Wanted extends By {
  id: string
  selection: Selection
  total: number
  canary: number
  watchMs: number
  ratePerSecond: number
  createdAt: string
}

/**
 * Returns the number of members, the oldest first. Archived failures are members too if the selection names them or asks for
 * them.
 */
export async function addResend(tx: Sql, wanted: Wanted): Promise<number> {
  const { id, selection, total, canary, operator, reason, watchMs, ratePerSecond, createdAt } = wanted
  const { text, values } = conditionOf(selection)
  const taken = await tx.run(
    `insert into resend_members (resend_id, place, failure_id)
     select ?, row_number() over (order by failed_at, id), id from failures
     where state in ('waiting', 'archived') and ${text}`,
    id,
    ...values,
  )
  await tx.run(
    `insert into resends (id, state, operator, reason, selection, total, position, step_end, step_size, watch_ms, tolerated,
       rate_per_second, created_at) values (?, 'running', ?, ?, ?, ?, 0, ?, ?, ?, 0, ?, ?)`,
    id,
    operator,
    reason,
    JSON.stringify(selection),
    total,
    Math.min(canary, total),
    canary,
    watchMs,
    ratePerSecond,
    createdAt,
  )
  return taken
}

export async function findResend(sql: Reader, id: string): Promise<Progress | undefined> {
  const row = await sql.get<Progress>(`select ${COLUMNS}, ${COUNTS} from resends where id = ?`, id)
  return row && counted(row)
}

interface Page {
  after?: { createdAt: string; id: string } | undefined
  limit: number
}

/** Newest first. */
export async function listResends(sql: Reader, { after, limit }: Page): Promise<Progress[]> {
  const rows = await sql.all<Progress>(
    `select ${COLUMNS}, ${COUNTS} from resends ${after ? 'where (created_at, id) < (?, ?)' : ''}
     order by created_at desc, id desc limit ?`,
    ...(after ? [after.createdAt, after.id] : []),
    limit,
  )
  return rows.map(counted)
}

const counted = (row: Progress) => ({ ...row, sent: Number(row.sent), failedAgain: Number(row.failedAgain) })

/** False if it was not running. */
export async function stopResend(sql: Sql, id: string, why: string, now: string): Promise<boolean> {
  const stopped = `update resends set state = 'stopped', why = ?, watch_until = null, ended_at = ? where id = ? and state = 'running'`
  return (await sql.run(stopped, why, now, id)) === 1
}

/** Continues where it stopped. Failures so far no longer stop it. */
export async function resumeResend(sql: Sql, id: string): Promise<boolean> {
  const resumed = await sql.run(
    `update resends set state = 'running', why = null, ended_at = null,
       tolerated = (select count(*) from failures where after_resend = resends.id)
     where id = ? and state = 'stopped'`,
    id,
  )
  return resumed === 1
}

export async function areAnyRunning(sql: Reader): Promise<boolean> {
  return (await sql.get(`select 1 as running from resends where state = 'running' limit 1`)) !== undefined
}

interface Turn {
  owner: string
  now: string
  until: string
}

/** Reserves a running replay that no other copy has reserved, until `until`. The one that waits longest comes first. */
export async function takeTurn(sql: Sql, { owner, now, until }: Turn): Promise<Told | undefined> {
  const [taken] = await sql.all<Told>(
    `update resends set owner = ?, owned_until = ? where state = 'running' and id = (
       select id from resends where state = 'running' and (owner is null or owner = ? or owned_until < ?)
       order by owned_until nulls first, created_at limit 1
     ) and (owner is null or owner = ? or owned_until < ?) returning ${COLUMNS}`,
    owner,
    until,
    owner,
    now,
    owner,
    now,
  )
  return taken
}

export async function countFailedAgain(sql: Reader, id: string): Promise<number> {
  const row = await sql.get<{ count: number }>('select count(*) as count from failures where after_resend = ?', id)
  return Number(row?.count ?? 0)
}

export type Sendable = Pick<Failure, 'id' | 'home' | 'exchange' | 'routingKey' | 'body' | 'properties'>

/** Claims the next members, except those that another replay has sent or is sending. */
export function claimNext(tx: Sql, { id, position }: Resend, count: number): Promise<Sendable[]> {
  return tx.all<Sendable>(
    `update failures set state = 'sending', resend_id = ?
     where id in (select failure_id from resend_members where resend_id = ? and place > ? and place <= ?)
       and (state in ('waiting', 'archived') or (state = 'sending' and resend_id = ?))
     returning id, home, exchange, routing_key as "routingKey", body, properties`,
    id,
    id,
    position,
    position + count,
    id,
  )
}

/** All were published and confirmed. */
export async function saveSent(tx: Sql, { id, position }: Resend, ids: string[], count: number): Promise<void> {
  await markSent(tx, id, ids)
  await tx.run('update resends set position = ? where id = ? and position = ?', position + count, id, position)
}

/** Some were published and confirmed. The others wait again. */
export async function saveInterrupted(tx: Sql, id: string, sent: string[], unsent: string[]): Promise<void> {
  await markSent(tx, id, sent)
  await tx.run(
    `update failures set state = 'waiting', resend_id = null where id in each(?) and state = 'sending' and resend_id = ?`,
    unsent,
    id,
  )
}

const markSent = (tx: Sql, id: string, ids: string[]) =>
  tx.run(
    `update failures set state = 'sent_again' where id in each(?) and state = 'sending' and resend_id = ?`,
    ids,
    id,
  )

export const saveWatch = (sql: Sql, id: string, until: string) =>
  sql.run(`update resends set watch_until = ? where id = ? and state = 'running'`, until, id)

export const saveStep = (sql: Sql, id: string, stepEnd: number, stepSize: number) =>
  sql.run(
    `update resends set step_end = ?, step_size = ?, watch_until = null where id = ? and state = 'running'`,
    stepEnd,
    stepSize,
    id,
  )

export const saveDone = (sql: Sql, id: string, now: string) =>
  sql.run(`update resends set state = 'done', ended_at = ? where id = ? and state = 'running'`, now, id)
