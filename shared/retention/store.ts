// The SQL of retention: which rows of a table have ended, how they are removed, and how far each removal run has come.
import type { Reader, Sql, Transaction } from '../storage/index.ts'
import { lockKeyOf } from '../storage/state.ts'
import type { Aged } from './tables.ts'

export interface Sweep {
  name: string
  begunAt: string
  /** Null while the run goes on. */
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
 * Continues a table's run, or begins one if the last ended at or before `dueBefore`. Undefined if none is due, or if another
 * copy holds the lease.
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
  // Times in the future count as expired, so that a clock that was set back does not stop the run for long.
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

/** Returns false, and changes nothing, if another copy holds the lease now. */
export async function saveSweep(sql: Sql, sweep: Sweep, { holder, until }: Pick<Lease, 'holder' | 'until'>) {
  const { name, endedAt, position, removed, oldest } = sweep
  const saved = await sql.run(
    `update sweeps set held_until = ?, ended_at = ?, position = ?, removed = ?, oldest = ? where name = ? and holder = ?`,
    ...[endedAt === null ? until : '', endedAt, position, removed, oldest, name, holder],
  )
  return saved === 1
}

/** Releases this copy's leases. */
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

/** The next rows in the order of their keys. It uses the primary key, so no other index is needed. */
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

/** Those of the subjects that have a message waiting for a retry. */
export async function waitingSubjects(sql: Reader, subjects: readonly string[]): Promise<Set<string>> {
  const rows = await sql.all<{ subject: string }>(
    'select distinct subject from retries where subject in each(?)',
    subjects,
  )
  return new Set(rows.map(({ subject }) => subject))
}

/**
 * Removes those of the rows that have ended, and returns their number. Keys that groups of this service decide about are locked
 * as a group locks them, and checked again. Rows that are locked in another way are left for the next run.
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
