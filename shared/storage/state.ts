// What a service keeps, and decides about: few states (an order, a payment), each of many keys.
//
// `load` and `save` belong to a state and take many keys and many rows; `decide` belongs to a message and touches nothing but
// its draft.
import type { Reader, Sql } from './database.ts'

/** One kind of thing that a service keeps, each under a key. */
export interface State<Value> {
  /** As its table is called; part of the lock, so that the keys of two states do not meet. */
  name: string
  /** Those there are, in a fixed number of statements however many keys. */
  load(sql: Reader, keys: string[]): Promise<ReadonlyMap<string, Value>>
  /** Only what was changed; each key once, in a fixed number of statements. */
  save(tx: Sql, changes: Change<Value>[]): Promise<unknown>
  /**
   * Once all states of the group are saved: makes due what waits for its changes, whoever kept that. Resolves with how many rows
   * are due by it.
   */
  saved?(tx: Sql, changes: Change<Value>[]): Promise<number>
}

export interface Change<Value> {
  key: string
  /** As it was loaded; undefined when it was not there. */
  before: Value | undefined
  after: Value
}

/** A key of a state that a decision reads, and, when it is `owned`, may change. */
export interface Ref {
  /** Of whatever value: the types meet again in `get` and `set`. */
  state: State<unknown>
  key: string
  isOwned: boolean
}

/** To be read and changed: no other group, of any copy of the service, has it at the same time. */
export const owned = <Value>(state: State<Value>, key: string): Ref => ({ state, key, isOwned: true })
/** To be read only: as it is committed, and without a lock. */
export const seen = <Value>(state: State<Value>, key: string): Ref => ({ state, key, isOwned: false })

/** What `owned` locks. */
export const lockKeyOf = ({ name }: Ref['state'], key: string): string => `${name} ${key}`

/** What has been loaded so far. */
export interface Known {
  /** Undefined for what is not there, and for what has not been loaded yet. */
  get<Value>(state: State<Value>, key: string): Value | undefined
}

/** Everything that was named beforehand, as the decisions before this one in the group have left it. */
export interface Draft {
  /** @throws Error for what was not named beforehand, which is a bug. */
  get<Value>(state: State<Value>, key: string): Value | undefined
  /** Values are never changed in place: a decision that fails leaves no trace. */
  set<Value>(state: State<Value>, key: string, value: Value): void
}
