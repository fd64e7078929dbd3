// The storage port: the little of SQL that the services use, the same over every driver.

export type Value = string | number | null
export type Row = Record<string, Value>

/** Statements use `?` for their values, and never inside a literal. Rows come back as plain objects with the columns' names. */
export interface Sql {
  all<R extends object = Row>(sql: string, ...values: Value[]): Promise<R[]>
  get<R extends object = Row>(sql: string, ...values: Value[]): Promise<R | undefined>
  /** Returns how many rows it changed. */
  run(sql: string, ...values: Value[]): Promise<number>
}

export interface Transaction extends Sql {
  /**
   * Takes these keys until the transaction ends and waits for whoever holds one: what is loaded afterwards is not
   * changed by another copy before it is saved, whether its row exists yet or not. Once, before any other statement.
   * SQLite has one writer at a time, and nothing to lock.
   */
  lock(keys: string[]): Promise<void>
  /**
   * Runs `work` so that its failure undoes only its own changes, then rethrows. Not re-entrant.
   *
   * @throws TransientError when that failure cost the whole transaction: `transaction_lost`, of which it is the `cause`,
   * or what happened to all of it (`deadlock`, `serialization_failure`, `database_locked`, `database_unavailable`).
   */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

/**
 * One service's database. Statements outside a transaction see only what is committed and never wait for a writer.
 * `transaction` commits when `work` resolves and rolls back when it rejects; once it has resolved, the changes survive
 * the loss of the machine's power. Whoever opens a database closes it.
 *
 * @throws TransientError `disk_full`, `disk_failed`, `database_locked`, `database_unavailable`, all with `isOutage`; `connection_lost` when that happened before the commit; `commit_unknown` when the connection was lost while committing: it may be saved, or not.
 */
export interface Database extends Sql {
  readonly dialect: 'sqlite' | 'postgres'
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}
