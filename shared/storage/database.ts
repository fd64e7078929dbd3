// The storage port: the little of SQL that the services use, the same over every driver.

import type { Sealable } from './sealable.ts'

export type Value = string | number | null | Buffer
export type Row = Record<string, Value>

/**
 * Statements use `?` for their values, and never inside a literal; `in each(?)` takes a list of texts or numbers, so that one
 * statement loads many keys. Rows come back as plain objects with the columns' names.
 */
export interface Sql {
  all<R extends object = Row>(sql: string, ...values: Parameter[]): Promise<R[]>
  get<R extends object = Row>(sql: string, ...values: Parameter[]): Promise<R | undefined>
  /** Returns how many rows it changed. */
  run(sql: string, ...values: Parameter[]): Promise<number>
}

export type Parameter = Value | Sealable | readonly (string | number)[]
/** Reads, of what is committed or of what the transaction sees. */
export type Reader = Pick<Sql, 'all' | 'get'>

/** Its statements run until its work has settled; one that comes later is refused as `transaction_lost`. */
export interface Transaction extends Sql {
  /**
   * Takes these keys until the transaction ends and waits for whoever holds one: what is loaded afterwards is not
   * changed by another copy before it is saved, whether its row exists yet or not. SQLite has one writer at a time, and
   * nothing to lock.
   */
  lock(keys: string[]): Promise<void>
}

/** What a database was asked since it was opened: the measure of work that does not depend on the machine. */
export interface Spent {
  /** Begin and commit included. */
  statements: number
  /** Times that somebody waited for the server; 0 where there is none. */
  roundTrips: number
}

/**
 * One service's database. Statements outside a transaction see only what is committed and never wait for a writer.
 * `transaction` commits when `work` resolves and rolls back when it rejects; once it has resolved, the changes survive
 * the loss of the machine's power. Whoever opens a database closes it.
 *
 * @throws TransientError `disk_full`, `disk_failed`, `database_locked`, `database_unavailable`, all with `isOutage`; with `isInterrupted`, `deadlock` and `serialization_failure`, `connection_lost` when that happened before the commit, and `commit_unknown` when the connection was lost while committing: it may be saved, or not.
 */
export interface Database extends Sql {
  readonly dialect: 'sqlite' | 'postgres'
  /** How many transactions may be under way at one time; further ones wait. */
  readonly writersMax: number
  readonly spent: Readonly<Spent>
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** The size of SQLite's log of what is not in the file yet, which grows while somebody reads for long; 0 on PostgreSQL. */
  walBytes(): number
  /**
   * Gives the disk up to so many pages back that are free in SQLite's file beyond those to keep, and says how many those were: 0 where none are,
   * where the file was made by an earlier version and not converted since, and on PostgreSQL, whose autovacuum does it.
   */
  giveBack(pages: number, kept: number): Promise<number>
  /**
   * Writes that log back and empties it, after the transactions that are under way: SQLite would hold up the event loop for as long as one
   * of this process goes on. False while somebody else reads or writes; true on PostgreSQL, which has no such log.
   */
  emptyWal(): Promise<boolean>
  close(): Promise<void>
}
