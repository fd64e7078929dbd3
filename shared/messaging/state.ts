// What a group of messages and requests decides about: loaded once, decided upon in memory, saved once.
//
// A service has few states (an order, a payment). `load` and `save` belong to a state and take many keys and many rows; `decide`
// belongs to a message and touches nothing else. (Fowler, "Patterns of Enterprise Application Architecture": Unit of
// Work, Identity Map.)

import { asError } from '../runtime/errors.ts'
import type { Reader, Sql, Transaction } from '../storage/index.ts'
import type { Message } from './contract.ts'

/** One kind of thing that a service keeps, each under a key. */
export interface State<Value> {
  /** As its table is called; part of the lock, so that the keys of two states do not meet. */
  name: string
  /** Those there are, in a fixed number of statements however many keys. */
  load(sql: Reader, keys: string[]): Promise<ReadonlyMap<string, Value>>
  /** Only what was changed; each key once, in a fixed number of statements. */
  save(tx: Sql, changes: Change<Value>[]): Promise<unknown>
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

export interface Done<T> {
  result: T
  /** Published after the commit, each exactly as recorded. */
  messages: Message[]
}

/** One member of a group. Both functions are synchronous and may be called more than once. */
export interface Work<T> {
  /**
   * Every key that `decide` reads. Asked again after each load, with what is known by then, until nothing new is named: so
   * a reservation may name its SKUs.
   */
  reads(known: Known): readonly Ref[]
  decide(draft: Draft): Done<T>
}

/** The new value, if anything changes, and what is said. */
export interface Decision<Value> {
  state?: Value | undefined
  messages: Message[]
}

/** Work about one key of one state. */
export function about<Value, T>(
  state: State<Value>,
  key: string,
  decide: (value: Value | undefined) => Decision<Value> & { result: T },
): Work<T> {
  return {
    reads: () => [owned(state, key)],
    decide(draft) {
      const { result, messages, state: after } = decide(draft.get(state, key))
      if (after !== undefined) draft.set(state, key, after)
      return { result, messages }
    },
  }
}

/** A bug, unless a decision before it in the group has changed what this one reads. */
export class UnnamedError extends Error {
  override name = 'UnnamedError'
}

interface Cell {
  before: unknown
  now: unknown
  isOwned: boolean
}

/** What one group has loaded, and what its members have made of it. */
export interface Cells extends Known {
  /** Loads `first`, then whatever `reads` names with that known, and so on until there is nothing more. */
  load(tx: Transaction, first: readonly Ref[], reads: (known: Known) => readonly Ref[]): Promise<void>
  /** Lets one member decide; when that throws, everything is as it was before. */
  decide<T>(decide: (draft: Draft) => T): T
  /** Each state's changes, once. */
  save(tx: Sql): Promise<unknown>
}

/** More than any decision needs: one that goes on naming keys is a bug, and must not load for ever. */
const ROUNDS_MAX = 12

export function createCells(): Cells {
  const states = new Map<Ref['state'], Map<string, Cell>>()
  let undo: (() => void)[] = []

  const find = (state: Ref['state'], key: string) => states.get(state)?.get(key)

  function required(state: Ref['state'], key: string): Cell {
    const cell = find(state, key)
    if (!cell) throw new UnnamedError(`${state.name} ${key} is decided about, and was not named beforehand`)
    return cell
  }

  const known: Known = {
    // The cast is the edge between cells of all states and the one that a caller names.
    get: <Value>(state: State<Value>, key: string) => find(state, key)?.now as Value | undefined,
  }

  const draft: Draft = {
    get: <Value>(state: State<Value>, key: string) => required(state, key).now as Value | undefined,
    set(state, key, value) {
      const cell = required(state, key)
      if (!cell.isOwned) throw new Error(`${state.name} ${key} is changed, and was named for reading only`)
      const { now } = cell
      undo.push(() => {
        cell.now = now
      })
      cell.now = value
    },
  }

  /** By state, the keys that are not there yet, or were only to be read and are now to be changed. */
  function missing(refs: readonly Ref[]): Map<Ref['state'], Map<string, boolean>> {
    const wanted = new Map<Ref['state'], Map<string, boolean>>()
    for (const { state, key, isOwned } of refs) {
      const cell = find(state, key)
      if (cell && (cell.isOwned || !isOwned)) continue
      const keys = wanted.get(state) ?? new Map<string, boolean>()
      wanted.set(state, keys)
      keys.set(key, isOwned || keys.get(key) === true)
    }
    return wanted
  }

  async function fetch(tx: Transaction, state: Ref['state'], keys: Map<string, boolean>): Promise<void> {
    const loaded = await state.load(tx, [...keys.keys()])
    const cells = states.get(state) ?? new Map<string, Cell>()
    states.set(state, cells)
    for (const [key, isOwned] of keys) cells.set(key, { before: loaded.get(key), now: loaded.get(key), isOwned })
  }

  const changed = () =>
    [...states].map(([state, cells]) => ({
      state,
      changes: [...cells].flatMap(([key, { before, now }]) => (now === before ? [] : [{ key, before, after: now }])),
    }))

  return {
    ...known,
    async load(tx, first, reads) {
      let wanted = missing(first)
      for (let round = 0; round < ROUNDS_MAX; round++) {
        if (wanted.size > 0) {
          await tx.lock(lockKeys(wanted))
          await Promise.all([...wanted].map(([state, keys]) => fetch(tx, state, keys)))
        }
        wanted = missing(reads(known))
        if (wanted.size === 0) return
      }
      throw new Error('a decision goes on naming what it reads')
    },
    decide(decide) {
      undo = []
      try {
        return decide(draft)
      } catch (thrown) {
        for (const back of undo.reverse()) back()
        throw asError(thrown)
      }
    },
    save: (tx) =>
      Promise.all(changed().map(({ state, changes }) => (changes.length > 0 ? state.save(tx, changes) : undefined))),
  }
}

function lockKeys(wanted: Map<Ref['state'], Map<string, boolean>>): string[] {
  return [...wanted].flatMap(([state, keys]) =>
    [...keys].flatMap(([key, isOwned]) => (isOwned ? [lockKeyOf(state, key)] : [])),
  )
}

export const lockKeyOf = ({ name }: Ref['state'], key: string): string => `${name} ${key}`
