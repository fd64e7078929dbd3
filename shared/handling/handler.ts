// What a service writes for one message type, and what the kernel promises it.

import type { Decision } from '../commit/work.ts'
import type { CommandContract, Contract, Message, Received } from '../contracts/definition/contract.ts'
import type { TraceHeaders } from '../messaging/trace.ts'
import type { Patience } from '../retries/recoverability.ts'
import { type Draft, type Known, owned, type Ref, type State } from '../storage/state.ts'

export interface Context {
  /** Now, RFC 3339: for `ask` when the delivery came, for `decide` and `giveUp` when they decide. */
  now: string
  /** Counts from 1. */
  attempt: number
  /** True when the broker may have handed this message out before, so that an earlier call outside may have happened. */
  redelivered: boolean
  /** Since it was first kept to be handled later; 0, or nothing, when it was not. */
  waitedMs?: number
}

export interface AskContext extends Context {
  /** What is committed; never waits for a writer, and shares its statement with whoever reads at the same moment. */
  read<Value>(state: State<Value>, key: string): Promise<Value | undefined>
  /** Aborts when the time limit is over. */
  signal: AbortSignal
  /** Headers for whoever is asked outside and takes W3C Trace Context. */
  trace?: TraceHeaders
}

export interface Failure {
  error: Error
  /** The reason a dead letter would carry. */
  reason: string
}

/**
 * One message type's handler: what it reads is loaded, it decides, what it changes is saved, and the messages it returns are
 * published, all inside the group commit. A decision is synchronous and touches nothing but its draft; it never acks,
 * publishes or catches. It may run again with the same message, at any time and in any order.
 */
export interface Handler<Data = unknown, Answer = unknown> {
  type: string
  /** The one call to the outside world, before the decision. Must be idempotent by a key taken from the message. */
  ask?(event: Received<Data>, context: AskContext): Promise<Answer>
  /**
   * The answer of `ask` where the service's own state tells that nothing need be asked outside; otherwise nothing. For a rehearsal, which
   * asks nobody.
   */
  recall?(event: Received<Data>, known: Known): { answer: Answer } | undefined
  /** See `Work`. */
  reads(event: Received<Data>, known: Known): readonly Ref[]
  decide(event: Received<Data>, draft: Draft, context: Context, answer: Answer): Message[]
  /**
   * Where giving up on the outside world is a business outcome: what it decides takes the dead letter's place. For a failure
   * that the port to that world did not declare as such it is not asked.
   */
  giveUp?(event: Received<Data>, draft: Draft, context: Context, failure: Failure): Message[]
  /** What giving up reads, where that is more. */
  readsToGiveUp?(event: Received<Data>, known: Known): readonly Ref[]
  /** With `giveUp`: keep the dead letter as well, so that an operator can send it again. */
  keepDeadLetter?: boolean
  /** How long it is tried; by default 1 s, 5 s, 30 s. */
  patience?: Patience
  /** What it asks outside: while that does not serve, nothing that waits for it is tried. */
  guard?: { name?: string; isOpen(): boolean }
}

/** A handler about one state, under the message's subject: each decision is a function from message and state to both. */
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

/** The same for a handler that decides about several states, or keys. */
export function onMany<Data, Answer = undefined>(
  contract: AnyContract<Data>,
  handler: Omit<Handler<Data, Answer>, 'type'>,
): Handler {
  // The cast is the decoding edge: the consumer calls a handler only with data that its contract's schema accepted.
  return { type: contract.type, ...handler } as Handler
}
