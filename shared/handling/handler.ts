// What a service writes for one message type, and what the kernel promises to it.

import type { Decision } from '../commit/work.ts'
import type { CommandContract, Contract, Message, Received } from '../contracts/definition/contract.ts'
import type { TraceHeaders } from '../messaging/trace.ts'
import type { Patience } from '../retries/recoverability.ts'
import { type Draft, type Known, owned, type Ref, type State } from '../storage/state.ts'

export interface Context {
  /** Now, RFC 3339. For `ask`: when the attempt began. For `decide` and `giveUp`: when they decide. */
  now: string
  /** Counts from 1. */
  attempt: number
  /** True if the broker may have delivered this message before. An outside call may then have been made already. */
  redelivered: boolean
  /** Milliseconds since it first became a row in `retries`, or since its patience began if that was later; 0 at first. */
  waitedMs?: number
}

export interface AskContext extends Context {
  /** Reads committed data. Never waits for a writer. Reads at the same moment share one statement. */
  read<Value>(state: State<Value>, key: string): Promise<Value | undefined>
  /** Aborts when the time limit is over. */
  signal: AbortSignal
  /** Headers for an outside system that accepts W3C Trace Context. */
  trace?: TraceHeaders
}

export interface Failure {
  error: Error
  /** The reason that a dead letter would carry. */
  reason: string
}

/**
 * The handler of one message type. Inside the group commit the kernel loads what the handler reads, lets it decide, saves the
 * changes and records the returned messages, which are published after the commit. A decision is synchronous and changes only
 * its draft. It never acks, publishes or catches. It may run again for the same message, at any time and in any order.
 */
export interface Handler<Data = unknown, Answer = unknown> {
  type: string
  /** The one outside call, made before the decision. Must be idempotent by a key taken from the message. */
  ask?(event: Received<Data>, context: AskContext): Promise<Answer>
  /**
   * For a rehearsal, which makes no outside calls: the answer of `ask` if the service's own state already implies it, otherwise
   * undefined.
   */
  recall?(event: Received<Data>, known: Known): { answer: Answer } | undefined
  /** Names what `decide` reads; see `Work`. */
  reads(event: Received<Data>, known: Known): readonly Ref[]
  decide(event: Received<Data>, draft: Draft, context: Context, answer: Answer): Message[]
  /**
   * For handlers where giving up on an outside system is a business outcome: the messages that it returns replace the dead
   * letter. Called only if the system's port marked the error `isOutside`.
   */
  giveUp?(event: Received<Data>, draft: Draft, context: Context, failure: Failure): Message[]
  /** Names what `giveUp` reads, if that is more than `reads` names. */
  readsToGiveUp?(event: Received<Data>, known: Known): readonly Ref[]
  /** With `giveUp`: also publish the dead letter, so that an operator can send the message again. */
  keepDeadLetter?: boolean
  /** How long the handler is tried; by default retries after 1 s, 5 s and 30 s. */
  patience?: Patience
  /** The breaker of the outside system. While it is open, waiting messages of this type are not tried. */
  guard?: { name?: string; isOpen(): boolean }
}

/**
 * A handler that reads and changes one state, under the message's subject. Each decision maps message and state to new state
 * and messages.
 */
interface AboutOne<Data, Value, Answer>
  extends Omit<Handler<Data, Answer>, 'type' | 'reads' | 'readsToGiveUp' | 'recall' | 'decide' | 'giveUp'> {
  recall?(event: Received<Data>, value: Value | undefined): { answer: Answer } | undefined
  decide(event: Received<Data>, value: Value | undefined, context: Context, answer: Answer): Decision<Value>
  giveUp?(event: Received<Data>, value: Value | undefined, context: Context, failure: Failure): Decision<Value>
}

type AnyContract<Data> = Contract<Data> | CommandContract<Data>

/** `on(Contract, state, handler)`: ties a handler to its contract, so that `event.data` has the contract's shape. */
export function on<Data, Value, Answer = undefined>(
  contract: AnyContract<Data>,
  state: State<Value>,
  { recall, decide, giveUp, ...terms }: AboutOne<Data, Value, Answer>,
): Handler {
  const applied = (draft: Draft, { subject }: Received<Data>, decision: Decision<Value>): Message[] => {
    if (decision.state !== undefined) draft.set(state, subject, decision.state)
    return decision.messages
  }
  return onMany<Data, Answer>(contract, {
    reads: ({ subject }) => [owned(state, subject)],
    ...(recall && { recall: (event, known) => recall(event, known.get(state, event.subject)) }),
    decide: (event, draft, context, answer) =>
      applied(draft, event, decide(event, draft.get(state, event.subject), context, answer)),
    ...(giveUp && {
      giveUp: (event, draft, context, failure) =>
        applied(draft, event, giveUp(event, draft.get(state, event.subject), context, failure)),
    }),
    ...terms,
  })
}

/** Like `on`, for a handler that decides about several states or keys. */
export function onMany<Data, Answer = undefined>(
  contract: AnyContract<Data>,
  handler: Omit<Handler<Data, Answer>, 'type'>,
): Handler {
  // Decoding edge: the consumer calls a handler only with data that its contract's schema accepted.
  return { type: contract.type, ...handler } as Handler
}
