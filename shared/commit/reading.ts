// Reads that are wanted at the same moment share a statement, as decisions do in their groups.
import type { Reader } from '../storage/index.ts'
import type { State } from '../storage/state.ts'

interface Batch {
  keys: Set<string>
  loaded: Promise<ReadonlyMap<string, unknown>>
}

/** Reads what is committed, outside of any transaction. What fails fails for all that were read with it. */
export function createReading(
  database: Reader,
): <Value>(state: State<Value>, key: string) => Promise<Value | undefined> {
  const gathering = new Map<unknown, Batch>()

  function gather(state: State<unknown>): Batch {
    const keys = new Set<string>()
    const loaded = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      gathering.delete(state)
      return state.load(database, [...keys])
    })
    return { keys, loaded }
  }

  return async <Value>(state: State<Value>, key: string) => {
    const batch = gathering.get(state) ?? gather(state as State<unknown>)
    gathering.set(state, batch)
    batch.keys.add(key)
    // The cast says what the map of all states cannot: this batch is of this state.
    return (await batch.loaded).get(key) as Value | undefined
  }
}
