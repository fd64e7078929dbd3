// The storage port: the part of SQL that the services use, the same over every driver.

import type { Sealable } from './sealable.ts'

export type Value = string | number | null | Buffer
export type Row = Record<string, Value>

/**
 * Statements use `?` for values, never inside a literal. `in each(?)` takes a list of texts or numbers, so that one statement
 * loads many keys. Rows are plain objects with the columns' names.
 */
export interface Sql {
  all<R extends object = Row>(sql: string, ...values: Parameter[]): Promise<R[]>
  get<R extends object = Row>(sql: string, ...values: Parameter[]): Promise<R | undefined>
  /** Returns the number of changed rows. */
  run(sql: string, ...values: Parameter[]): Promise<number>
}

export type Parameter = Value | Sealable | readonly (string | number)[]
/** Reads committed data, or what its transaction sees. */
export type Reader = Pick<Sql, 'all' | 'get'>

/** Runs statements until its work has settled. A later one is refused with `transaction_lost`. */
export interface Transaction extends Sql {
  /**
   * Locks these keys until the transaction ends, and waits for other holders. After that, no other copy changes what is loaded
   * before it is saved, whether or not its row exists yet. On SQLite there is one writer at a time, so there is nothing to
   * lock.
   */
  lock(keys: string[]): Promise<void>
}

/** What was asked of a database since it was opened. Measures work independently of the machine. */
export interface Spent {
  /** Statements, with begin and commit. */
  statements: number
  /** Waits for the server; 0 on SQLite. */
  roundTrips: number
}

/**
 * The database of one service. Statements outside a transaction see only committed data and never wait for a writer.
 * `transaction` commits when `work` resolves and rolls back when it rejects. Once it has resolved, the changes survive a power
 * loss. The caller closes the database.
 *
 * @throws TransientError `disk_full`, `disk_failed`, `database_locked`, `database_unavailable`, all with `isOutage`; with
 * `isInterrupted`: `deadlock`, `serialization_failure`, `connection_lost` before the commit, and `commit_unknown` if the
 * connection was lost during the commit, which may or may not have succeeded
 */
export interface Database extends Sql {
  readonly dialect: 'sqlite' | 'postgres'
  /** How many transactions may run at a time; further ones wait. */
  readonly writersMax: number
  readonly spent: Readonly<Spent>
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  /** Size of SQLite's write-ahead log, which grows during a long read; 0 on PostgreSQL. */
  walBytes(): number
  /**
   * Returns free pages of SQLite's file to the disk: at most `pages`, and only beyond the `kept` ones. Resolves with the number
   * of pages returned. It is 0 if none are free, if an earlier version made the file and it was not converted since, and on
   * PostgreSQL, where autovacuum does this.
   */
  giveBack(pages: number, kept: number): Promise<number>
  /**
   * Writes the write-ahead log back to the file and empties it, after the running transactions. During a transaction of this
   * process, SQLite would block the event loop. Resolves with false while another process reads or writes, and with true on
   * PostgreSQL, which has no such log.
   */
  emptyWal(): Promise<boolean>
  close(): Promise<void>
}
