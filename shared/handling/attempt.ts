// One attempt at one delivery, be it from its queue or kept since an earlier one:
//
// decode and validate → ask (the outside world, if the handler does) → group commit; or, when that fails, what `remedyFor` says.
//
// Promise: when this resolves, the delivery's effects are committed, or a row says when it is tried again, or its dead copy is
// confirmed. When it rejects, nothing was decided about it.

import { createReading } from '../commit/reading.ts'
import type { Done, Work } from '../commit/work.ts'
import type { Received } from '../contracts/definition/contract.ts'
import { type Cause, decode, UnknownContractError } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import {
  GIVEN_UP,
  GivenUpError,
  instant,
  isOurs,
  isOver,
  type Kept,
  keptAfter,
  keptForSuccessor,
  keptOf,
  triedForMs,
} from '../retries/kept.ts'
import { attemptOf, DEFAULT_PATIENCE, historyOf, historyWith, remedyFor } from '../retries/recoverability.ts'
import { countUnknown, retries } from '../retries/retries.ts'
import { asError, errorCode, isOutage, isOutside } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import { type Draft, owned } from '../storage/state.ts'
import { bury } from './bury.ts'
import type { Context, Failure, Handler } from './handler.ts'
import type { ConsumerOptions, Kernel, Outcome } from './kernel.ts'
import { createOutsideCalls, Stopping } from './outside-calls.ts'

/** What is known of the attempt when it fails. */
interface Tried {
  delivery: Arrived
  kept: Kept | undefined
  context: Context
  event: Received | undefined
  handler: Handler | undefined
}

const ASK_TIMEOUT_MS = 10_000
/** What nobody here knows is kept for a successor: so many of each queue, and for so long. */
const UNKNOWN_MAX = 10_000
const UNKNOWN_FOR_MS = 7 * 86_400_000

export function createAttempts(kernel: Kernel, options: ConsumerOptions) {
  const { commit, database, log, now, registry } = kernel
  const { queue, logLevel = 'info' } = options
  const handlers = new Map(options.handlers.map((handler) => [handler.type, handler]))
  const outside = createOutsideCalls(createReading(database), options.askTimeoutMs ?? ASK_TIMEOUT_MS)
  const nowMs = () => now().getTime()

  function handlerOf({ type, source }: Received): Handler {
    const handler = handlers.get(type) ?? handlers.get('*')
    if (handler) return handler
    const dataschema = registry.contracts.get(type)?.dataschema
    throw new UnknownContractError('unexpected_type', `${queue} has no handler for ${type}`, { source, dataschema })
  }

  /**
   * @throws Stopping when the service stops meanwhile; TransientError with `isOutage` while the database is away; and what
   * the broker throws when it will not take even the dead copy
   */
  async function make(delivery: Arrived, kept?: Kept): Promise<Outcome['outcome']> {
    const context: Context = {
      now: now().toISOString(),
      attempt: kept?.attempts ?? attemptOf(delivery.properties.headers),
      redelivered: delivery.redelivered,
      waitedMs: kept ? triedForMs(kept, nowMs()) : 0,
    }
    const tried: Tried = { delivery, kept, context, event: undefined, handler: undefined }
    try {
      const event = options.decode ? options.decode(delivery) : decode(registry, delivery)
      tried.event = event
      const handler = handlerOf(event)
      tried.handler = handler
      if (kept?.code === GIVEN_UP) throw new GivenUpError(kept)
      const answer = handler.ask && (await outside.ask(handler, event, context))
      if (handler.ask) reached('asked')
      const said = await settle(tried, handler.reads, (draft, at) => handler.decide(event, draft, at, answer))
      if (log.isLevelEnabled(logLevel))
        log[logLevel]({ queue, type: event.type, subject: event.subject, attempt: context.attempt, said }, 'handled')
      return 'handled'
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof Stopping || isAway(error)) throw error
      return recover(error, tried)
    }
  }

  /** What `decide` says, in a commit that also ends the row that the delivery was kept in; nothing when that has ended. */
  function settle(
    { kept, event, delivery, context }: Tried,
    reads: Handler['reads'],
    decide: (draft: Draft, context: Context) => ReturnType<Handler['decide']>,
    { endsRow = true } = {},
  ): Promise<string[]> {
    const work: Work<string[]> = {
      reads(known) {
        const read = event ? reads(event, known) : []
        return kept ? [...read, owned(retries, kept.id)] : read
      },
      decide(draft): Done<string[]> {
        if (kept && !isOurs(draft.get(retries, kept.id), kept)) return { result: [], messages: [] }
        // What is decided bears the time of the decision, not that of the question that may have come long before.
        const messages = decide(draft, { ...context, now: now().toISOString() })
        if (kept && endsRow) draft.set(retries, kept.id, { ...kept, isDone: true })
        return { result: messages.map(({ type }) => type), messages }
      },
    }
    return commit.submit(work, event && causeOf(event, delivery))
  }

  async function recover(error: Error, tried: Tried): Promise<Outcome['outcome']> {
    const { kept, context, event, handler, delivery } = tried
    if (error instanceof UnknownContractError && registry.sources.has(error.source) && (await waits(error, tried)))
      return 'retry'
    const at = now().toISOString()
    const patience = handler?.patience ?? DEFAULT_PATIENCE
    const forMs = kept ? triedForMs(kept, nowMs()) : 0
    const history = historyWith(kept?.history ?? historyOf(delivery.properties.headers), error, {
      at,
      attempt: context.attempt,
    })
    const facts = { ...factsOf(tried), code: errorCode(error), why: error.message }
    const remedy = remedyFor(error, { attempt: context.attempt, forMs }, patience, Math.random())
    if (remedy.kind === 'retry') {
      const before = kept ?? keptOf(queue, delivery, at, event)
      const { attempt } = context
      await save(kept, keptAfter(before, { error, history, patience, attempt, nowMs: nowMs(), ...remedy }))
      if (remedy.isCounted) log.warn({ ...facts, afterMs: remedy.waitMs }, 'failed, will be tried again')
      else log.debug(facts, 'not tried yet')
      return 'retry'
    }
    let why = error
    if (handler?.giveUp && event && isOutside(error)) {
      const said = await giveUp(handler, event, tried, { error, reason: remedy.reason })
      if (Array.isArray(said)) {
        log.warn({ ...facts, why: remedy.reason, said }, 'gave up')
        if (!handler.keepDeadLetter) return 'gave_up'
      } else why = said
    }
    log.error({ ...facts, why: remedy.reason, err: why }, 'dead letter')
    await bury(kernel, { delivery, queue, error: why, attempt: context.attempt, history })
    if (kept)
      await settle(
        { ...tried, event: undefined },
        () => [],
        () => [],
      )
    return 'dead_letter'
  }

  /** Gives what was said, or why even giving up failed, which no second try would mend. */
  async function giveUp(handler: Handler, event: Received, tried: Tried, failure: Failure): Promise<string[] | Error> {
    const decide = (draft: Draft, context: Context) => handler.giveUp?.(event, draft, context, failure) ?? []
    // Its row is there until the dead letter is.
    const endsRow = !handler.keepDeadLetter
    return settle(tried, handler.readsToGiveUp ?? handler.reads, decide, { endsRow }).catch((thrown: unknown) => {
      const error = asError(thrown)
      if (isAway(error)) throw error
      return error
    })
  }

  /** False when there are too many already, or for too long: then it is a dead letter. */
  async function waits(error: UnknownContractError, tried: Tried): Promise<boolean> {
    const { kept, delivery, event, context } = tried
    if (kept && isOver(kept, context.now)) return false
    if (!kept && (await countUnknown(database, queue, UNKNOWN_MAX)) >= UNKNOWN_MAX) return false
    const before = kept ?? keptOf(queue, delivery, context.now, event)
    const endsAt = kept?.endsAt ?? instant(nowMs() + UNKNOWN_FOR_MS)
    await save(kept, keptForSuccessor(before, error, error.dataschema, endsAt))
    log.warn({ ...factsOf(tried), why: error.message }, 'kept for a version that knows it')
    return true
  }

  const save = (kept: Kept | undefined, row: Kept) =>
    commit.submit<void>({
      reads: () => [owned(retries, row.id)],
      decide(draft) {
        const found = draft.get(retries, row.id)
        // Kept already when it came for the first time again, or ended by another copy meanwhile.
        if (kept ? isOurs(found, kept) : !found) draft.set(retries, row.id, row)
        return { result: undefined, messages: [] }
      },
    })

  const factsOf = ({ event, delivery: { properties }, context }: Tried) => ({
    queue,
    type: event?.type ?? properties.type ?? 'unknown',
    subject: event?.subject ?? properties.correlationId ?? '',
    attempt: context.attempt,
  })

  return {
    make,
    /** Counts this delivery as an attempt without making it: for one that may have killed a process. */
    postpone: (delivery: Arrived) => save(undefined, { ...keptOf(queue, delivery, now().toISOString()), attempts: 1 }),
    /** Ends every call to the outside world. */
    stop: outside.stop,
  }
}

/** The database cannot be written now, or not by so many: nobody's message is at fault. */
export const isAway = (error: Error) => isOutage(error) || errorCode(error) === 'overloaded'

function causeOf(event: Received, { properties: { headers } }: Arrived): Cause {
  return { causationId: event.id, traceparent: headers.traceparent, tracestate: headers.tracestate }
}
