// What a service says of each of its tables: how it comes back when the database is lost, and how long its rows are kept.
import type { Transaction } from '../storage/index.ts'
import type { State } from '../storage/state.ts'

/**
 * `derived` from what the log tells; `disposable`: it does no harm that it is empty; `backup only`: nothing tells it but a copy of the
 * database.
 */
export type Rebuilt = 'derived' | 'disposable' | 'backup only'

export interface Table {
  rebuilt: Rebuilt
  kept: Kept
}

/** By the table's name. */
export type Tables = Readonly<Record<string, Table>>

export type Kept =
  /** Its rows are never removed, for this reason. */
  | { forEver: string }
  /** Whoever works with a row removes it: then. */
  | { until: string }
  /** Its rows go with those of another table. */
  | { with: string }
  | Aged

/** Rows that have ended, and were not touched for so many days, are removed. */
export interface Aged {
  /** The setting that says how many: a number as text, or `forever`. */
  days: string
  /** The column of its primary key, a text. */
  key: string
  /** SQL: when it was touched last, as RFC 3339; undefined where `ended` alone tells. */
  since?: string
  /** SQL: that nobody needs the row any more. */
  ended: string
  /** Rows of other tables that go with it, those whose column has its key; they go first. */
  also?: readonly { table: string; column: string }[]
  /** It decides about these rows in groups, by their keys: so no group has one while it is removed. */
  state?: State<unknown>
  /** The key is the subject of messages: a row stays while one of them waits to be handled again. */
  isSubject?: true
  /** Only what this service has removed already under the same keys. */
  after?: string
  /**
   * Removes them by a way of its own, those that have really ended, and says which. It runs in a transaction that holds the keys.
   */
  remove?(tx: Transaction, keys: readonly string[], now: string): Promise<readonly string[]>
}

/** Undefined: for ever. */
export function daysOf(setting: string): number | undefined {
  return setting === 'forever' ? undefined : Number(setting)
}

/** Of the kernel's own tables, which every service has. */
export const kernelsTables: Tables = {
  migrations: { rebuilt: 'derived', kept: { forEver: 'one row for each applied migration' } },
  // What was decided is decided again, and what waited waits again.
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
