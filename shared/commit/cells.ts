// The state of one group in memory: each key is loaded once, decided upon by the members, and saved once. (Fowler, "Patterns of
// Enterprise Application Architecture": Unit of Work, Identity Map.)
import { asError } from '../runtime/errors.ts'
import type { Reader, Sql, Transaction } from '../storage/index.ts'
import { type Draft, type Known, lockKeyOf, type Ref, type State } from '../storage/state.ts'

/**
 * A decision reads a key that it did not name. This is a bug, unless an earlier decision of the group changed what this one has
 * to read.
 */
export class UnnamedError extends Error {
  override name = 'UnnamedError'
}

interface Cell {
  before: unknown
  now: unknown
  isOwned: boolean
}

/** What `load` needs of a transaction. A rehearsal passes an object that only reads. */
type Loading = Reader & Pick<Transaction, 'lock'>

/** The loaded values of one group, with the changes that its members have made. */
export interface Cells extends Known {
  /** Loads `first`, then what `reads` names given the values known so far, and so on until it names nothing new. */
  load(tx: Loading, first: readonly Ref[], reads: (known: Known) => readonly Ref[]): Promise<void>
  /** Lets one member decide. If that throws, its changes are undone. */
  decide<T>(decide: (draft: Draft) => T): T
  /** The keys that `save` would save. */
  changes(): { state: string; key: string }[]
  /** Saves the changes of each state, then calls its `saved`. Returns the number of retry rows that became due. */
  save(tx: Sql): Promise<number>
}

/** More rounds than any decision needs. A decision that names new keys each time is a bug and must not load for ever. */
const ROUNDS_MAX = 12

export function createCells(): Cells {
  const states = new Map<Ref['state'], Map<string, Cell>>()
  let undo: (() => void)[] = []

  const find = (state: Ref['state'], key: string) => states.get(state)?.get(key)

  function required(state: Ref['state'], key: string): Cell {
    const cell = find(state, key)
    if (!cell)
      throw new UnnamedError(`${state.name} ${key} is part of a decision, but the handler did not name it before`)
    return cell
  }

  const known: Known = {
    // The map holds cells of all states, so the compiler cannot know that this cell is of the caller's state.
    get: <Value>(state: State<Value>, key: string) => find(state, key)?.now as Value | undefined,
  }

  const draft: Draft = {
    get: <Value>(state: State<Value>, key: string) => required(state, key).now as Value | undefined,
    set(state, key, value) {
      const cell = required(state, key)
      if (!cell.isOwned) throw new Error(`${state.name} ${key} is changed, but the handler named it only for reading`)
      const { now } = cell
      undo.push(() => {
        cell.now = now
      })
      cell.now = value
    },
  }

  /** By state: the keys that are not loaded, and those loaded for reading that are now to be changed. */
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

  async function fetch(tx: Loading, state: Ref['state'], keys: Map<string, boolean>): Promise<void> {
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
      throw new Error('a decision names more to read in every round')
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
    changes: () =>
      changed().flatMap(({ state: { name }, changes }) => changes.map(({ key }) => ({ state: name, key }))),
    async save(tx) {
      const saving = changed().filter(({ changes }) => changes.length > 0)
      await Promise.all(saving.map(({ state, changes }) => state.save(tx, changes)))
      const released = await Promise.all(saving.map(({ state, changes }) => state.saved?.(tx, changes) ?? 0))
      return released.reduce((sum, rows) => sum + rows, 0)
    },
  }
}

function lockKeys(wanted: Map<Ref['state'], Map<string, boolean>>): string[] {
  return [...wanted].flatMap(([state, keys]) =>
    [...keys].flatMap(([key, isOwned]) => (isOwned ? [lockKeyOf(state, key)] : [])),
  )
}
