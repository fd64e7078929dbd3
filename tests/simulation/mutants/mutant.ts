// What a mutant is: one piece made wrong on purpose, the check that must object first, and a seed that shows it.
import type { Handler } from '@orders/shared/messaging'
import type { Sql } from '@orders/shared/storage'
import type { Tamper } from '../world.ts'

export interface Mutant {
  name: string
  /** The first, of a dozen orders, that shows it; found by search. */
  seed: number
  /** The first of the checks that objects, and for most the only one. */
  foundBy: string
  tamper: Tamper
}

/** Changes what one service's transactions do; `changing` is called at every start. */
export function inTransactions(service: string, changing: () => (tx: Sql) => Partial<Sql>): Tamper {
  return {
    database(database, name) {
      if (name !== service) return database
      const change = changing()
      return { ...database, transaction: (work) => database.transaction((tx) => work({ ...tx, ...change(tx) })) }
    },
  }
}

type Decide = Handler['decide']

/** Changes what is done with the messages of one queue. */
export function inHandlers(queue: string, change: (decide: Decide, type: string) => Decide): Tamper {
  return {
    handlers: (handlers, name) =>
      name !== queue
        ? handlers
        : handlers.map((handler) => ({ ...handler, decide: change(handler.decide, handler.type) })),
  }
}

/** True every so many times that it is asked. */
export function everyNth(nth: number): () => boolean {
  let count = 0
  return () => ++count % nth === 0
}
