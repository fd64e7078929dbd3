// One attempt at one delivery, which comes from its queue or from a row in `retries`.
//
// decode and validate → ask (if the handler has an `ask`) → group commit. If a step fails, `remedyFor` decides what happens.
//
// Promise: when this resolves, one of three things is true. The delivery's effects are committed, or a row says when it is
// tried again, or its dead letter is confirmed. When it rejects, nothing was decided about the delivery.

import { createReading } from '../commit/reading.ts'
import type { Done, Work } from '../commit/work.ts'
import type { Received } from '../contracts/definition/contract.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { aboutMessage, beginStep, type Step } from '../messaging/spans.ts'
import { type Trace, traceIdOf } from '../messaging/trace.ts'
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
  patienceUsedMs,
  triedForMs,
} from '../retries/kept.ts'
import { attemptOf, historyOf, historyWith, patienceWith, remedyFor } from '../retries/recoverability.ts'
import { arrivals, countUnknown, retries } from '../retries/retries.ts'
import { asError, errorCode, isInterrupted, isOutage, isOutside } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import { type Draft, owned } from '../storage/state.ts'
import { type Awaited, awaitedBy } from './awaited.ts'
import { bury } from './bury.ts'
import type { Context, Failure, Handler } from './handler.ts'
import type { EarlyError } from './in-order.ts'
import type { ConsumerOptions, Kernel, Outcome } from './kernel.ts'
import { createOutsideCalls, Stopping } from './outside-calls.ts'
import { turns } from './turns.ts'
import { createUnderstanding } from './understanding.ts'

/** What the attempt knows of the delivery when it fails. */
interface Tried {
  delivery: Arrived
  kept: Kept | undefined
  context: Context
  event: Received | undefined
  handler: Handler | undefined
  /** Creates the spans of this attempt. */
  step: Step | undefined
}

const ASK_TIMEOUT_MS = 10_000
/** How many deliveries of each queue may wait for a newer version or for their turn. */
const WAITING_MAX = 10_000

export function createAttempts(kernel: Kernel, options: ConsumerOptions) {
  const { commit, database, log, now, registry } = kernel
  const { queue, logLevel = 'info' } = options
  const { eventOf, demandYoung, handlerOf } = createUnderstanding(kernel, options)
  const outside = createOutsideCalls(createReading(database), options.askTimeoutMs ?? ASK_TIMEOUT_MS)
  const nowMs = () => now().getTime()

  /**
   * @throws Stopping when the service stops meanwhile; TransientError with `isOutage` while the database is away; and what the
   * broker throws when it does not take even the dead letter
   */
  async function make(delivery: Arrived, kept?: Kept): Promise<Outcome['outcome']> {
    const context: Context = {
      now: now().toISOString(),
      attempt: kept?.attempts ?? attemptOf(delivery.properties.headers),
      redelivered: delivery.redelivered,
      waitedMs: kept ? triedForMs(kept, nowMs()) : 0,
    }
    const step = processing(delivery)
    const tried: Tried = { delivery, kept, context, event: undefined, handler: undefined, step }
    try {
      const event = await eventOf(delivery)
      tried.event = event
      // A row's age does not matter: the service is still handling it.
      if (!kept) demandYoung(event)
      const handler = handlerOf(event)
      tried.handler = handler
      if (kept?.code === GIVEN_UP) throw new GivenUpError(kept)
      const answer = handler.ask && (await outside.ask(handler, event, context, traceOf(tried)))
      if (handler.ask) reached('asked')
      const said = await settle(tried, handler.reads, (draft, at) => handler.decide(event, draft, at, answer))
      if (log.isLevelEnabled(logLevel)) log[logLevel]({ ...factsOf(tried), said }, 'handled')
      step?.end()
      return 'handled'
    } catch (thrown) {
      const error = asError(thrown)
      step?.end(error)
      // This message may itself end the session each time. So it becomes a row, which is given up in the end.
      if (error instanceof Stopping || (isAway(error) && !isInterrupted(error))) throw error
      return recover(error, tried)
    }
  }

  /**
   * Commits what `decide` returns. The same commit ends the delivery's row. If the row has ended already, nothing is decided.
   */
  function settle(
    { kept, event, delivery, context, step }: Tried,
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
        // `context.now` was taken before `ask`, which may have taken long. A decision gets its own time.
        const messages = decide(draft, { ...context, now: now().toISOString() })
        if (kept && endsRow) draft.set(retries, kept.id, { ...kept, isDone: true })
        return { result: messages.map(({ type }) => type), messages }
      },
    }
    return commit.submit(work, event && { causationId: event.id, ...traceOf({ delivery, step }) })
  }

  async function recover(error: Error, tried: Tried): Promise<Outcome['outcome']> {
    const { kept, context, event, handler, delivery } = tried
    const awaited = awaitedBy(error, registry)
    if (awaited && (await waits(error, awaited, tried))) return 'retry'
    const at = now().toISOString()
    const patience = patienceWith(error, handler?.patience)
    const forMs = kept ? patienceUsedMs(kept, nowMs()) : 0
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
      if (remedy.isCounted || isInterrupted(error))
        log.warn({ ...facts, afterMs: remedy.waitMs }, 'failed, will be tried again')
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

  /** Returns the types of the published messages. If giving up failed, returns that error: a second try would fail again. */
  async function giveUp(handler: Handler, event: Received, tried: Tried, failure: Failure): Promise<string[] | Error> {
    const decide = (draft: Draft, context: Context) => handler.giveUp?.(event, draft, context, failure) ?? []
    // With `keepDeadLetter`, the row stays until the dead letter is confirmed.
    const endsRow = !handler.keepDeadLetter
    return settle(tried, handler.readsToGiveUp ?? handler.reads, decide, { endsRow }).catch((thrown: unknown) => {
      const error = asError(thrown)
      if (isAway(error)) throw error
      return error
    })
  }

  /** Returns false if too many deliveries wait already, or if this one has waited too long. Then it becomes a dead letter. */
  async function waits(error: Error, awaited: Awaited, tried: Tried): Promise<boolean> {
    const { kept, delivery, event, context } = tried
    const { waitsFor, forMs, isBounded, lookMs, turn, says, level } = awaited
    const hasWaited = kept !== undefined && kept.waitsFor !== null
    if (hasWaited && isOver(kept, context.now)) return false
    if (isBounded && !kept && (await countUnknown(database, queue, WAITING_MAX)) >= WAITING_MAX) return false
    const before = kept ?? keptOf(queue, delivery, context.now, event)
    const endsAt = (hasWaited ? kept.endsAt : null) ?? instant(nowMs() + forMs)
    const row = keptForSuccessor(before, { code: errorCode(error), message: error.message }, waitsFor, endsAt)
    await save(kept, lookMs === undefined ? row : { ...row, dueAt: instant(nowMs() + lookMs) }, turn)
    log[level]({ ...factsOf(tried), why: error.message }, says)
    // The key may have arrived while the row was being written. Its commit found no row to release, so release it here.
    if (lookMs !== undefined && (await canBeRead(delivery))) await arrived(waitsFor)
    return true
  }

  const arrived = (awaited: string) =>
    commit.submit<void>({
      reads: () => [owned(arrivals, awaited)],
      decide(draft) {
        draft.set(arrivals, awaited, now().toISOString())
        return { result: undefined, messages: [] }
      },
    })

  /** The next attempt reports why it cannot be read. */
  const canBeRead = (delivery: Arrived) =>
    eventOf(delivery).then(
      () => true,
      () => false,
    )

  const save = (kept: Kept | undefined, row: Kept, turn?: EarlyError) =>
    commit.submit<void>({
      reads: () => [owned(retries, row.id), ...(turn ? [owned(turns, turn.sequence)] : [])],
      decide(draft) {
        const found = draft.get(retries, row.id)
        // The earlier position may have been handled since. Then no later commit would release this row, so it is due now.
        const isTurn = turn !== undefined && (draft.get(turns, turn.sequence)?.position ?? 0) >= turn.after
        const after = isTurn ? { ...row, dueAt: now().toISOString(), endsAt: null, waitsFor: null } : row
        // A new delivery may have a row already, if it was redelivered. A row may have been ended by another copy.
        if (kept ? isOurs(found, kept) : !found) draft.set(retries, row.id, after)
        return { result: undefined, messages: [] }
      },
    })

  const factsOf = ({ event, delivery: { properties }, context }: Tried) => ({
    queue,
    type: event?.type ?? properties.type ?? 'unknown',
    subject: event?.subject ?? properties.correlationId ?? '',
    messageId: event?.id ?? properties.messageId,
    traceId: traceIdOf(properties.headers.traceparent),
    attempt: context.attempt,
  })

  function processing({ properties, exchange, routingKey, body }: Arrived): Step | undefined {
    const { messageId: id, correlationId: subject, headers } = properties
    return beginStep(() => ({
      name: `process ${queue}`,
      kind: 'CONSUMER',
      attributes: aboutMessage('process', { id, exchange, routingKey, subject, bytes: body.length }, queue),
      from: headers,
    }))
  }

  return {
    make,
    /** Counts a delivery as an attempt without handling it, since it may have killed a process. */
    postpone: (delivery: Arrived) => save(undefined, { ...keptOf(queue, delivery, now().toISOString()), attempts: 1 }),
    /** Ends every outside call. */
    stop: outside.stop,
  }
}

/** The database cannot be written, or too much work waits. Neither is the message's fault. */
export const isAway = (error: Error) => isOutage(error) || errorCode(error) === 'overloaded'

/** The trace for what follows from the attempt: the attempt's span if there is one, otherwise the message's own trace. */
function traceOf({ delivery: { properties }, step }: Pick<Tried, 'delivery' | 'step'>): Trace {
  const { traceparent, tracestate } = properties.headers
  return step?.trace ?? { traceparent, tracestate }
}
