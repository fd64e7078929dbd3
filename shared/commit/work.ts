// The unit of work in a group commit: one message's decision, or one request's.
import type { Message } from '../contracts/definition/contract.ts'
import { type Draft, type Known, owned, type Ref, type State } from '../storage/state.ts'

export interface Done<T> {
  result: T
  /** Published after the commit, exactly as recorded. */
  messages: Message[]
}

/** One member of a group. Both functions are synchronous and may be called more than once. */
export interface Work<T> {
  /**
   * Names every key that `decide` reads. Called again after each load with the values known by then, until it names nothing
   * new. So a reservation can name its SKUs.
   */
  reads(known: Known): readonly Ref[]
  decide(draft: Draft): Done<T>
}

/** The new state, or undefined if nothing changes, and the messages to publish. */
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
