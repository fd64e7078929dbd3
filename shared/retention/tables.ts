// What a service states for each of its tables: how it is restored when the database is lost, and how long its rows are kept.
import type { Transaction } from '../storage/index.ts'
import type { State } from '../storage/state.ts'

/**
 * `derived`: rebuilt from the audit log. `disposable`: may be empty without harm. `backup only`: only a backup of the database
 * has it.
 */
export type Rebuilt = 'derived' | 'disposable' | 'backup only'

export interface Table {
  rebuilt: Rebuilt
  kept: Kept
}

/** By table name. */
export type Tables = Readonly<Record<string, Table>>

export type Kept =
  /** Rows are never removed, for this reason. */
  | { forEver: string }
  /** The code that works with a row removes it, at this time. */
  | { until: string }
  /** Rows are removed with those of another table. */
  | { with: string }
  | Aged

/** Rows are removed when they have ended and have not changed for this many days. */
export interface Aged {
  /** The setting with the number of days, or `forever`. */
  days: string
  /** The column of its primary key, a text. */
  key: string
  /** SQL: when the row last changed, RFC 3339; undefined if `ended` alone decides. */
  since?: string
  /** SQL: true if the row is no longer needed. */
  ended: string
  /** Rows of other tables that are removed first: those whose column has this key. */
  also?: readonly { table: string; column: string }[]
  /** The state whose groups decide about these rows. Its keys are locked, so no group has a row while it is removed. */
  state?: State<unknown>
  /** The key is the subject of messages: a row stays while one of them waits for a retry. */
  isSubject?: true
  /** Only rows that this service has already removed under the same keys. */
  after?: string
  /**
   * Replaces the deletion: removes those of the rows that have really ended, and returns their keys. Runs in a transaction that
   * holds the keys.
   */
  remove?(tx: Transaction, keys: readonly string[], now: string): Promise<readonly string[]>
}

/** Undefined for `forever`. */
export function daysOf(setting: string): number | undefined {
  return setting === 'forever' ? undefined : Number(setting)
}

/** The kernel's own tables, which every service has. */
export const kernelsTables: Tables = {
  migrations: { rebuilt: 'derived', kept: { forEver: 'one row for each applied migration' } },
  // After a rebuild, decisions are made again and waiting messages wait again.
  outbox: { rebuilt: 'derived', kept: { until: 'the broker has confirmed the message' } },
  retries: { rebuilt: 'derived', kept: { until: 'the message is handled or given up' } },
  epochs: {
    rebuilt: 'derived',
    kept: { forEver: 'one row for each epoch of the database: the newest number of its outbox' },
  },
  outbox_copies: { rebuilt: 'disposable', kept: { until: 'the copy has not reported for a while' } },
  sweeps: { rebuilt: 'disposable', kept: { forEver: 'one row for each table: the position of its removal run' } },
  erasures: { rebuilt: 'derived', kept: { until: 'the customers’ keys are gone from the files' } },
  turns: { rebuilt: 'derived', kept: { forEver: 'one row for each key: the position in its sequence' } },
  handled: {
    rebuilt: 'derived',
    kept: { forEver: 'a service recognises a repeated message by its row, however late it arrives' },
  },
}
