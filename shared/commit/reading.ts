// Batches reads: those wanted at the same moment share one statement.
import type { Reader } from '../storage/index.ts'
import type { State } from '../storage/state.ts'

interface Batch {
  keys: Set<string>
  loaded: Promise<ReadonlyMap<string, unknown>>
}

/** Reads committed data, outside any transaction. If the statement fails, all reads that share it fail. */
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
    // The map holds batches of all states, so the compiler cannot know that this batch is of the caller's state.
    return (await batch.loaded).get(key) as Value | undefined
  }
}
