// A row in `retries`, and how each attempt changes it. Plain data and pure functions.

import type { Received } from '../contracts/definition/contract.ts'
import type { Publication } from '../messaging/broker.ts'
import { type Arrived, digestOf, publishable } from '../messaging/publishable.ts'
import { errorCode, isOutside, PermanentError } from '../runtime/errors.ts'
import type { Attempt, Patience } from './recoverability.ts'

export interface Kept {
  id: string
  queue: string
  type: string
  subject: string
  delivery: Pick<Arrived, 'exchange' | 'routingKey' | 'body' | 'properties'>
  /** Attempts begun so far, so also the number of the running one. A copy uses it to notice that a later attempt has begun. */
  attempts: number
  /** RFC 3339, like all times here. */
  dueAt: string
  endsAt: string | null
  /**
   * What the row waits for: a dataschema that this version does not know, a key, or a turn. Null if it waits only for its time.
   */
  waitsFor: string | null
  code: string
  why: string
  /** Whether an outside system failed. */
  isOutside: boolean
  history: readonly Attempt[]
  keptAt: string
  /** True when the row is done: saving it deletes the row. */
  isDone: boolean
}

/** The same delivery always has the same id. */
function idOf(queue: string, { properties, body }: Pick<Arrived, 'properties' | 'body'>): string {
  return digestOf(queue, properties.messageId ?? '', body).slice(0, 32)
}

/** A row without a finished attempt. */
export function keptOf(queue: string, arrived: Omit<Arrived, 'redelivered'>, now: string, event?: Received): Kept {
  const { exchange, routingKey, body } = arrived
  const properties = publishable(arrived.properties)
  return {
    id: idOf(queue, arrived),
    queue,
    type: event?.type ?? properties.type ?? '',
    subject: event?.subject ?? properties.correlationId ?? '',
    delivery: { exchange, routingKey, body, properties },
    attempts: 0,
    dueAt: now,
    endsAt: null,
    waitsFor: null,
    code: 'untried',
    why: 'no attempt has finished yet',
    isOutside: false,
    history: [],
    keptAt: now,
    isDone: false,
  }
}

/** A task: due at once, and retried until it is done. */
export const taskOf = (task: Publication, now: string): Kept => keptOf(task.routingKey, task, now)

interface Failure {
  error: Error
  history: readonly Attempt[]
  patience: Patience
  waitMs: number
  isCounted: boolean
  usesPatience: boolean
  /** The attempt that failed, from 1. */
  attempt: number
  nowMs: number
}

/** The row after a failed attempt, with the time of the next attempt and of giving up. */
export function keptAfter(before: Kept, failure: Failure): Kept {
  const { error, history, patience, waitMs, isCounted, usesPatience, attempt, nowMs } = failure
  // Patience starts with the first failure that uses it. Until then the row has no end, or that of its wait for something else.
  const isFirst = usesPatience && patience.forMs !== undefined && (before.endsAt === null || before.waitsFor !== null)
  const keptAt = before.code === 'untried' || isFirst ? instant(nowMs) : before.keptAt
  const endsAt = endOf(before.endsAt, keptAt, failure)
  const dueAt = instant(nowMs + waitMs)
  return {
    ...before,
    attempts: isCounted ? attempt : attempt - 1,
    dueAt: usesPatience && endsAt !== null && endsAt < dueAt ? endsAt : dueAt,
    endsAt,
    waitsFor: null,
    code: errorCode(error),
    why: error.message.slice(0, 500),
    isOutside: isOutside(error),
    history: isCounted ? history : before.history,
    keptAt,
  }
}

function endOf(before: string | null, keptAt: string, { patience, usesPatience }: Failure): string | null {
  if (!usesPatience) return before
  return patience.forMs === undefined ? null : instant(Date.parse(keptAt) + patience.forMs)
}

/** How much of its patience is used, in milliseconds. */
export const patienceUsedMs = (kept: Kept, nowMs: number) =>
  kept.endsAt === null || kept.waitsFor !== null ? 0 : triedForMs(kept, nowMs)

/** Milliseconds since its first failure. */
export const triedForMs = ({ code, keptAt }: Kept, nowMs: number) =>
  code === 'untried' ? 0 : nowMs - Date.parse(keptAt)

/** The row of a message that waits for a newer version, a key or its turn, until `endsAt` at most. */
export function keptForSuccessor(
  before: Kept,
  { code, message }: { code: string; message: string },
  dataschema: string,
  endsAt: string,
): Kept {
  return { ...before, attempts: 0, dueAt: endsAt, endsAt, waitsFor: dataschema, code, why: message.slice(0, 500) }
}

export const isOver = ({ endsAt }: Kept, now: string) => endsAt !== null && endsAt <= now
/** No copy has ended this attempt or begun a later one. */
export const isOurs = (found: Kept | undefined, { attempts }: Kept) => found?.attempts === attempts

/** An attempt has begun, has not reported its end, and its time has not passed. */
export const isUnderWay = ({ attempts, history, dueAt }: Kept, now: string) =>
  attempts > (history.at(-1)?.attempt ?? 0) && dueAt > now

export const GIVEN_UP = 'given_up'

/** Given up by an operator. The reason is its last failure. If it was never tried, the fault counts as outside. */
export const givenUp = (kept: Kept, now: string): Kept => ({
  ...kept,
  dueAt: now,
  endsAt: now,
  code: GIVEN_UP,
  isOutside: kept.isOutside || kept.attempts === 0,
})
/**
 * A running attempt keeps its row: if another attempt began now, the result of the first would be dropped. What the row waits for,
 * and until when, stays: if it is still missing, the wait goes on.
 */
export const hastened = (kept: Kept, now: string): Kept => (isUnderWay(kept, now) ? kept : { ...kept, dueAt: now })

export class GivenUpError extends PermanentError {
  constructor({ why, isOutside: wasOutside, attempts }: Kept) {
    super(GIVEN_UP, `an operator gave it up after ${attempts - 1} attempts: ${why}`, { isOutside: wasOutside })
  }
}

export const instant = (milliseconds: number) => new Date(milliseconds).toISOString()
