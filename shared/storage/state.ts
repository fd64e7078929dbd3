// The state that a service stores and decides about: a few kinds (an order, a payment), each under many keys.
//
// A state's `load` and `save` take many keys and rows. A message's `decide` touches only its draft.
import type { Reader, Sql } from './database.ts'

/** One kind of state, each value under a key. */
export interface State<Value> {
  /** Name of its table. Part of the lock key, so that keys of two states never collide. */
  name: string
  /** Loads the existing values of the keys, in a fixed number of statements for any number of keys. */
  load(sql: Reader, keys: string[]): Promise<ReadonlyMap<string, Value>>
  /** Saves changed values only, each key once, in a fixed number of statements. */
  save(tx: Sql, changes: Change<Value>[]): Promise<unknown>
  /**
   * Called after all states of the group are saved. Makes due the retries that wait for these changes. Resolves with their
   * number.
   */
  saved?(tx: Sql, changes: Change<Value>[]): Promise<number>
}

export interface Change<Value> {
  key: string
  /** The loaded value; undefined if there was none. */
  before: Value | undefined
  after: Value
}

/** A key that a decision reads and, if it is owned, may change. */
export interface Ref {
  /** A state of any value type. `get` and `set` restore the type. */
  state: State<unknown>
  key: string
  isOwned: boolean
}

/** A key to read and change. No other group, in any copy of the service, owns it at the same time. */
export const owned = <Value>(state: State<Value>, key: string): Ref => ({ state, key, isOwned: true })
/** A key to read only: committed data, without a lock. */
export const seen = <Value>(state: State<Value>, key: string): Ref => ({ state, key, isOwned: false })

/** The key that `owned` locks. */
export const lockKeyOf = ({ name }: Ref['state'], key: string): string => `${name} ${key}`

/** What has been loaded so far. */
export interface Known {
  /** Undefined if there is no value, or if it has not been loaded yet. */
  get<Value>(state: State<Value>, key: string): Value | undefined
}

/** Every value that the member named, as left by earlier decisions of the group. */
export interface Draft {
  /** @throws Error for a key that was not named, which is a bug */
  get<Value>(state: State<Value>, key: string): Value | undefined
  /** Never change a value in place, so that a decision that fails leaves no trace. */
  set<Value>(state: State<Value>, key: string, value: Value): void
}
