// The life of one delivery, the same in every service:
//
// decode and validate → ask (the outside world, if the handler does) → group commit → ack.
//
// Promise: a delivery is acked only after its effects are committed, or after a copy of it, with the reason, is
// confirmed in a waiting room or in the dead letters. So nothing is lost, whatever dies at whichever instruction.
import type { Received } from '../contracts/index.ts'
import { asError, errorCode, PermanentError, TransientError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'
import type { Broker, Delivery } from './broker.ts'
import { type Cause, decode } from './envelope.ts'
import { deadCopy, stillWaitingCopy, waitingCopy } from './failed-copy.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Context, Handler } from './handler.ts'
import { createOutsideCalls } from './outside-calls.ts'
import { rooms } from './queues.ts'
import { createReading } from './reading.ts'
import { attemptOf, remedyFor, roomFor, waitLeftMs } from './recoverability.ts'

export interface Outcome {
  queue: string
  type: string
  outcome: 'handled' | 'retry' | 'gave_up' | 'dead_letter'
  durationMs: number
}

export interface Kernel {
  service: string
  version: string
  broker: Broker
  database: Database
  commit: GroupCommit
  log: Log
  now: () => Date
  /** Told of every outcome, for metrics. */
  observe?: (outcome: Outcome) => void
}

export interface ConsumerOptions {
  queue: string
  /** Unsettled deliveries at one time: the bound of this consumer's memory, and the most a group can gather. */
  prefetch: number
  handlers: Handler[]
  /** How a body becomes a message; by default the full decoding against its contract. */
  decode?: (delivery: Delivery) => Received
  askTimeoutMs?: number
  /** Types that an earlier version heard: what waits of them is settled, and nothing happens. */
  retired?: readonly string[]
  /** The level of the line for what went well; `debug` where it only mirrors what others said. Default `info`. */
  logLevel?: 'info' | 'debug'
}

export interface Consumer {
  readonly queue: string
  /** Deliveries taken and not settled yet; never more than the prefetch. */
  underWay(): number
  /** Takes nothing new and resolves when everything taken is settled. */
  close(): Promise<void>
}

const ASK_TIMEOUT_MS = 10_000
const CLOSE_GRACE_MS = 2_000

export function consume(kernel: Kernel, options: ConsumerOptions): Consumer {
  const { broker, commit, log, now, service, version } = kernel
  const { queue, prefetch, askTimeoutMs = ASK_TIMEOUT_MS, logLevel = 'info' } = options
  const handlers = new Map(options.handlers.map((handler) => [handler.type, handler]))
  const retired = new Set(options.retired)
  const underWay = new Set<Promise<void>>()
  const byId = new Map<string, Promise<void>>()
  const outside = createOutsideCalls(createReading(kernel.database), askTimeoutMs)

  function handlerOf(type: string): Handler {
    const handler = handlers.get(type) ?? handlers.get('*')
    if (!handler) throw new PermanentError('unexpected_type', `${queue} has no handler for ${type}`)
    return handler
  }

  async function settle(delivery: Delivery): Promise<void> {
    const startedAt = now()
    const started = performance.now()
    const context: Context = {
      now: startedAt.toISOString(),
      attempt: attemptOf(delivery.properties.headers),
      redelivered: delivery.redelivered,
    }
    let event: Received | undefined
    let handler: Handler | undefined
    let isAsking = false
    const finish = (outcome: Outcome['outcome']) => {
      const type = event?.type ?? delivery.properties.type ?? 'unknown'
      kernel.observe?.({ queue, type, outcome, durationMs: performance.now() - started })
      reached('before-ack')
      delivery.ack()
    }
    if (retired.has(delivery.properties.type ?? '')) return finish('handled')
    const leftMs = waitLeftMs(delivery.properties.headers, startedAt)
    if (leftMs > 0) {
      const wait = { room: roomFor(leftMs), waitMs: leftMs }
      await broker.publish(stillWaitingCopy({ delivery, queue, at: context.now }, wait))
      return finish('retry')
    }
    try {
      event = (options.decode ?? decode)(delivery)
      handler = handlerOf(event.type)
      isAsking = true
      const answer = handler.ask && (await outside.ask(handler, event, context))
      isAsking = false
      if (handler.ask) reached('asked')
      const said = await handle(handler, event, delivery, context, answer)
      if (log.isLevelEnabled(logLevel))
        log[logLevel]({ queue, type: event.type, subject: event.subject, attempt: context.attempt, said }, 'handled')
      finish('handled')
    } catch (thrown) {
      if (thrown instanceof Stopping) return
      // Only an outside world that does not answer may become a business outcome; a fault of ours never does.
      const giver = isAsking && handler?.giveUp ? handler : undefined
      finish(await recover(asError(thrown), delivery, context, giver, event))
    }
  }

  async function handle(
    handler: Handler,
    event: Received,
    delivery: Delivery,
    context: Context,
    answer: unknown,
  ): Promise<string[]> {
    return commit.submit(
      {
        reads: (known) => handler.reads(event, known),
        decide(draft) {
          const messages = handler.decide(event, draft, atDecision(context), answer)
          return { result: messages.map(({ type }) => type), messages }
        },
      },
      causeOf(event, delivery),
    )
  }

  /** What is decided bears the time of the decision, not that of the question that may have come long before. */
  const atDecision = (context: Context): Context => ({ ...context, now: now().toISOString() })

  async function recover(
    error: Error,
    delivery: Delivery,
    context: Context,
    giver: Handler | undefined,
    event: Received | undefined,
  ): Promise<Outcome['outcome']> {
    const { attempt } = context
    // The time of the failure, not of the delivery: a wait that was asked for counts from the asking.
    const failed = { delivery, queue, attempt, at: now().toISOString(), service, version }
    const { type, correlationId } = delivery.properties
    const facts = {
      queue,
      type: event?.type ?? type ?? 'unknown',
      subject: event?.subject ?? correlationId ?? '',
      attempt,
    }
    const remedy = remedyFor(error, attempt)
    if (remedy.kind === 'retry') {
      const why = { ...facts, code: errorCode(error), why: error.message, room: remedy.room }
      if (error instanceof TransientError && error.isUntried) {
        log.debug(why, 'not tried yet')
        await broker.publish(stillWaitingCopy(failed, remedy))
      } else {
        log.warn(why, 'failed, will be tried again')
        await broker.publish(waitingCopy({ ...failed, error }, remedy))
      }
      return 'retry'
    }
    let why = error
    if (giver && event) {
      const gaveUp = await giveUp(giver, event, delivery, context, { error, reason: remedy.reason })
      if (gaveUp instanceof PermanentError) {
        // Trying again cannot help here either: without this, the message would circle for ever.
        why = gaveUp
      } else if (gaveUp instanceof Error) {
        // The database will not take even that now: the message waits and comes back for its last attempt again.
        log.error({ ...facts, err: gaveUp }, 'giving up failed, will be tried again')
        const wait = { room: '30s', waitMs: rooms['30s'], nextAttempt: attempt } as const
        await broker.publish(waitingCopy({ ...failed, error: gaveUp }, wait))
        return 'retry'
      } else {
        log.warn({ ...facts, why: remedy.reason, said: gaveUp }, 'gave up')
        if (!giver.keepDeadLetter) return 'gave_up'
      }
    }
    log.error({ ...facts, why: remedy.reason, err: why }, 'dead letter')
    await broker.publish(deadCopy({ ...failed, error: why }))
    return 'dead_letter'
  }

  async function giveUp(
    handler: Handler,
    event: Received,
    delivery: Delivery,
    context: Context,
    failure: { error: Error; reason: string },
  ): Promise<string[] | Error> {
    return commit
      .submit(
        {
          reads: (known) => (handler.readsToGiveUp ?? handler.reads)(event, known),
          decide(draft) {
            const messages = handler.giveUp?.(event, draft, atDecision(context), failure) ?? []
            return { result: messages.map(({ type }) => type), messages }
          },
        },
        causeOf(event, delivery),
      )
      .catch(asError)
  }

  const subscription = broker.subscribe(queue, prefetch, (delivery) => {
    const { messageId } = delivery.properties
    // After a lost connection a message may come again while its first delivery still asks outside: it waits for that,
    // and finds it recorded, instead of asking a second time.
    const first = messageId === undefined ? undefined : byId.get(messageId)
    const settled = (first ? first.then(() => settle(delivery)) : settle(delivery))
      // Only a broker that is being closed refuses the copy: unacked, the delivery comes back.
      .catch((error: unknown) => log.warn({ queue, err: asError(error) }, 'left unsettled'))
      .finally(() => {
        underWay.delete(settled)
        if (messageId !== undefined && byId.get(messageId) === settled) byId.delete(messageId)
      })
    underWay.add(settled)
    if (messageId !== undefined) byId.set(messageId, settled)
  })

  return {
    queue,
    underWay: () => underWay.size,
    async close() {
      await subscription.cancel()
      // A call that takes longer is left: unacked, its message comes back and is asked again with the same key.
      const timer = setTimeout(() => {
        outside.endAll(new Stopping())
      }, CLOSE_GRACE_MS)
      await Promise.all(underWay)
      clearTimeout(timer)
    },
  }
}

/** The service stops while the outside world is being asked: nothing has failed, so nothing may be decided. */
class Stopping extends Error {
  override name = 'Stopping'
}

function causeOf(event: Received, delivery: Delivery): Cause {
  return { causationId: event.id, traceparent: delivery.properties.headers.traceparent }
}
