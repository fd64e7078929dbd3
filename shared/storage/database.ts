// The storage port: the little of SQL that the services use, the same over every driver.

export type Value = string | number | null
export type Row = Record<string, Value>

/** Statements use `?` for their values. Rows come back as plain objects with the columns' names. */
export interface Sql {
  all<R extends object = Row>(sql: string, ...values: Value[]): Promise<R[]>
  get<R extends object = Row>(sql: string, ...values: Value[]): Promise<R | undefined>
  /** Returns how many rows it changed. */
  run(sql: string, ...values: Value[]): Promise<number>
}

export interface Transaction extends Sql {
  /**
   * Runs `work` so that its failure undoes only its own changes, then rethrows. Not re-entrant.
   *
   * @throws TransientError `transaction_lost` when that failure cost the whole transaction; it is the `cause`.
   */
  savepoint<T>(work: () => Promise<T>): Promise<T>
}

/**
 * One service's database. Statements outside a transaction see only what is committed and never wait for a writer.
 * `transaction` commits when `work` resolves and rolls back when it rejects; once it has resolved, the changes survive
 * the loss of the machine's power. Whoever opens a database closes it.
 */
export interface Database extends Sql {
  readonly dialect: 'sqlite' | 'postgres'
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
  close(): Promise<void>
}
