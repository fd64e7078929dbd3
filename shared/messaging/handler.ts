// What a service writes for one message type, and what the kernel promises it.
import type { CommandContract, Contract, Message, Received } from '../contracts/index.ts'
import type { Sql } from '../storage/index.ts'

export interface Context {
  /** Now, RFC 3339: for `ask` when the delivery came, for `handle` and `giveUp` when they decide. */
  now: string
  /** Counts from 1. */
  attempt: number
  /** True when the broker may have handed this message out before, so that an earlier call outside may have happened. */
  redelivered: boolean
}

export interface AskContext extends Context {
  /** Reads what is committed; never waits for a writer. */
  sql: Pick<Sql, 'all' | 'get'>
  /** Aborts when the time limit is over. */
  signal: AbortSignal
}

export interface Failure {
  error: Error
  /** The reason a dead letter would carry. */
  reason: string
}

/**
 * One message type's handler. `handle` loads, decides, saves and returns the messages to publish; it runs inside the
 * group commit, and never acks, publishes, opens a transaction or catches. It may run again with the
 * same message, at any time and in any order.
 */
export interface Handler<Data = unknown, Answer = unknown> {
  type: string
  /** The one call to the outside world, before the transaction. Must be idempotent by a key taken from the message. */
  ask?(event: Received<Data>, context: AskContext): Promise<Answer>
  handle(event: Received<Data>, tx: Sql, context: Context, answer: Answer): Promise<Message[]>
  /** Where giving up is a business outcome: decides, saves and returns the messages that take the dead letter's place. */
  giveUp?(event: Received<Data>, tx: Sql, context: Context, failure: Failure): Promise<Message[]>
  /** With `giveUp`: keep the dead letter as well, so that an operator can send it again. */
  keepDeadLetter?: boolean
}

/** `on(Contract, handler)`: ties a handler to its contract, so that `event.data` has the contract's shape. */
export function on<Data, Answer = undefined>(
  contract: Contract<Data> | CommandContract<Data>,
  handler: Handler<Data, Answer>['handle'] | Omit<Handler<Data, Answer>, 'type'>,
): Handler {
  const full = typeof handler === 'function' ? { handle: handler } : handler
  // The cast is the decoding edge: the consumer calls a handler only with data that its contract's schema accepted.
  return { type: contract.type, ...full } as Handler
}
