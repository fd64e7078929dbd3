// What is kept of a delivery that is to be handled at a later time, and how that changes with each attempt; plain data.

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
  /** Begun so far; the number of the one that is being made, and what tells whoever makes it from a later one. */
  attempts: number
  /** RFC 3339, as are all the times. */
  dueAt: string
  endsAt: string | null
  /** The dataschema that its type and version have, where nobody here knows them yet. */
  waitsFor: string | null
  code: string
  why: string
  /** Whether it was the outside world that failed. */
  isOutside: boolean
  history: readonly Attempt[]
  keptAt: string
  /** True when there is nothing more to do: saving it removes the row. */
  isDone: boolean
}

/** The same delivery has the same id, however often it comes. */
function idOf(queue: string, { properties, body }: Pick<Arrived, 'properties' | 'body'>): string {
  return digestOf(queue, properties.messageId ?? '', body).slice(0, 32)
}

/** What has not been tried yet, or not by anybody who told what came of it. */
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

/** A message of a service to itself that is due at once, and until it is done. */
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

/** A failed attempt: when the next one is made, and when it is given up. */
export function keptAfter(before: Kept, failure: Failure): Kept {
  const { error, history, patience, waitMs, isCounted, usesPatience, attempt, nowMs } = failure
  // Patience is counted from the first failure that uses it: until then there is no end.
  const isFirst = usesPatience && patience.forMs !== undefined && before.endsAt === null
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

/** How much of its patience is used. */
export const patienceUsedMs = (kept: Kept, nowMs: number) => (kept.endsAt === null ? 0 : triedForMs(kept, nowMs))

/** How long it has been kept since the first failure. */
export const triedForMs = ({ code, keptAt }: Kept, nowMs: number) =>
  code === 'untried' ? 0 : nowMs - Date.parse(keptAt)

/** Waits for somebody who knows its type and version; until `endsAt` at most. */
export function keptForSuccessor(
  before: Kept,
  { code, message }: { code: string; message: string },
  dataschema: string,
  endsAt: string,
): Kept {
  return { ...before, attempts: 0, dueAt: endsAt, endsAt, waitsFor: dataschema, code, why: message.slice(0, 500) }
}

export const isOver = ({ endsAt }: Kept, now: string) => endsAt !== null && endsAt <= now
/** Nobody has ended this attempt, or begun a later one. */
export const isOurs = (found: Kept | undefined, { attempts }: Kept) => found?.attempts === attempts

/** An attempt was begun of which nobody has told yet, and its time has not passed. */
export const isUnderWay = ({ attempts, history, dueAt }: Kept, now: string) =>
  attempts > (history.at(-1)?.attempt ?? 0) && dueAt > now

export const GIVEN_UP = 'given_up'

/** By an operator: what it failed with last is why. What was never tried has found no fault of ours. */
export const givenUp = (kept: Kept, now: string): Kept => ({
  ...kept,
  dueAt: now,
  endsAt: now,
  code: GIVEN_UP,
  isOutside: kept.isOutside || kept.attempts === 0,
})
/** What is under way stays its attempt's: given to another now, what comes of the first would not be kept. */
export const hastened = (kept: Kept, now: string): Kept =>
  isUnderWay(kept, now) ? kept : { ...kept, dueAt: now, waitsFor: null }

export class GivenUpError extends PermanentError {
  constructor({ why, isOutside: wasOutside, attempts }: Kept) {
    super(GIVEN_UP, `an operator gave it up after ${attempts - 1} attempts: ${why}`, { isOutside: wasOutside })
  }
}

export const instant = (milliseconds: number) => new Date(milliseconds).toISOString()
