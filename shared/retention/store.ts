// The SQL of retention: which rows of a table have ended, how they are removed, and how far each table was gone through.
import type { Reader, Sql, Transaction } from '../storage/index.ts'
import { lockKeyOf } from '../storage/state.ts'
import type { Aged } from './tables.ts'

export interface Sweep {
  name: string
  begunAt: string
  /** Null while it is under way. */
  endedAt: string | null
  position: string
  removed: number
  oldest: string | null
}

const SWEEP = `name, begun_at as "begunAt", ended_at as "endedAt", position, removed, oldest`

export async function sweepsOf(sql: Reader): Promise<Sweep[]> {
  const rows = await sql.all<Sweep>(`select ${SWEEP} from sweeps order by name`)
  return rows.map((row) => ({ ...row, removed: Number(row.removed) }))
}

export interface Lease {
  holder: string
  now: string
  until: string
}

/**
 * Goes on where the table was left, or begins it anew when it ended at or before `dueBefore`. Undefined when it is not due, or another copy
 * is at it.
 */
export async function claimSweep(
  tx: Transaction,
  name: string,
  { holder, now, until }: Lease,
  dueBefore: string,
): Promise<Sweep | undefined> {
  await tx.run(
    `insert into sweeps (name, holder, held_until, begun_at, ended_at, position, removed, oldest)
     values (?, '', '', ?, null, '', 0, null) on conflict (name) do nothing`,
    name,
    now,
  )
  // A clock that was set back must not stop it for as long.
  const claimed = await tx.run(
    `update sweeps set holder = ?, held_until = ?
     where name = ? and (holder = ? or held_until < ? or held_until > ?) and (ended_at is null or ended_at <= ? or ended_at > ?)`,
    ...[holder, until, name, holder, now, until, dueBefore, now],
  )
  if (claimed === 0) return undefined
  await tx.run(
    `update sweeps set begun_at = ?, ended_at = null, position = '', removed = 0, oldest = null
     where name = ? and ended_at is not null`,
    now,
    name,
  )
  const row = await tx.get<Sweep>(`select ${SWEEP} from sweeps where name = ?`, name)
  return row && { ...row, removed: Number(row.removed) }
}

/** False, with nothing changed, when another copy has it meanwhile. */
export async function saveSweep(sql: Sql, sweep: Sweep, { holder, until }: Pick<Lease, 'holder' | 'until'>) {
  const { name, endedAt, position, removed, oldest } = sweep
  const saved = await sql.run(
    `update sweeps set held_until = ?, ended_at = ?, position = ?, removed = ?, oldest = ? where name = ? and holder = ?`,
    ...[endedAt === null ? until : '', endedAt, position, removed, oldest, name, holder],
  )
  return saved === 1
}

/** Left to whoever comes next. */
export async function leaveSweeps(sql: Sql, holder: string): Promise<void> {
  await sql.run(`update sweeps set held_until = '' where holder = ?`, holder)
}

export interface Looked {
  key: string
  since: string | null
  isOld: boolean
}

const oldIn = ({ since, ended }: Aged) => (since === undefined ? `(${ended})` : `${since} < ? and (${ended})`)
const boundIn = ({ since }: Aged, before: string) => (since === undefined ? [] : [before])

/** The next rows in the order of their keys; by the primary key, so that no other index is needed. */
export async function rowsAfter(
  sql: Reader,
  name: string,
  rule: Aged,
  { after, before, limit }: { after: string; before: string; limit: number },
): Promise<Looked[]> {
  const { key, since = 'null' } = rule
  const rows = await sql.all<{ key: string; since: string | null; old: number }>(
    `select ${key} as key, ${since} as since, case when ${oldIn(rule)} then 1 else 0 end as old
     from ${name} where ${key} > ? order by ${key} limit ?`,
    ...boundIn(rule, before),
    after,
    limit,
  )
  return rows.map((row) => ({ key: row.key, since: row.since, isOld: Number(row.old) === 1 }))
}

/** Of these subjects those of which a message waits to be handled again. */
export async function waitingSubjects(sql: Reader, subjects: readonly string[]): Promise<Set<string>> {
  const rows = await sql.all<{ subject: string }>(
    'select distinct subject from retries where subject in each(?)',
    subjects,
  )
  return new Set(rows.map(({ subject }) => subject))
}

/**
 * Removes those of these rows that have ended, and gives how many there were. What a group of this service decides about is locked as
 * the group would, and looked at once more; a row that somebody else holds otherwise is left for the next time.
 */
export async function removeOld(
  tx: Transaction,
  name: string,
  rule: Aged,
  { keys, before, now, skipLocked }: { keys: readonly string[]; before: string; now: string; skipLocked: boolean },
): Promise<number> {
  const { key, also = [], state, remove, isSubject } = rule
  if (state) await tx.lock(keys.map((one) => lockKeyOf(state, one)))
  const rows = await tx.all<{ key: string }>(
    `select ${key} as key from ${name} where ${key} in each(?) and ${oldIn(rule)} ${skipLocked ? 'for update skip locked' : ''}`,
    keys,
    ...boundIn(rule, before),
  )
  const found = rows.map((row) => row.key)
  const waiting = isSubject && found.length > 0 ? await waitingSubjects(tx, found) : new Set<string>()
  const old = found.filter((one) => !waiting.has(one))
  if (old.length === 0) return 0
  if (remove) return (await remove(tx, old, now)).length
  for (const { table, column } of also) await tx.run(`delete from ${table} where ${column} in each(?)`, old)
  return tx.run(`delete from ${name} where ${key} in each(?)`, old)
}
