// What is decided in a group: by a message's handler, or by a request.
import type { Message } from '../contracts/definition/contract.ts'
import { type Draft, type Known, owned, type Ref, type State } from '../storage/state.ts'

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
