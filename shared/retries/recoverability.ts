// Decides what happens to a delivery that failed: a pure function of the error, the attempts so far and the handler's patience.

import type { Headers } from '../messaging/broker.ts'
import { errorCode, isInterrupted, isOutside, PermanentError, TransientError } from '../runtime/errors.ts'

/** How long a handler is tried. The first limit reached ends it. With neither limit it is retried until it succeeds. */
export interface Patience {
  /** The waits before the second attempt, the third, …; the last one repeats. */
  waitsMs: readonly [number, ...number[]]
  /** Number of attempts in all. */
  attemptsMax?: number
  /**
   * How long the handler is tried, from its first failure that uses patience. Waiting for a newer version, a key or a turn uses
   * none. Waiting for an unavailable outside system does.
   */
  forMs?: number
}

/** Retries after 1 s, 5 s and 30 s, then gives up. */
export const DEFAULT_PATIENCE: Patience = { waitsMs: [1_000, 5_000, 30_000], attemptsMax: 4 }
/** For at least this long, sessions that the database ends cost a message no attempt. */
const INTERRUPTED_FOR_MS = 600_000

/** An interrupted message is given up by time, not by its number of attempts. It may itself be what ends the session. */
export function patienceWith(error: Error, patience = DEFAULT_PATIENCE): Patience {
  const { attemptsMax, forMs, waitsMs } = patience
  if (!isInterrupted(error) || (attemptsMax === undefined && forMs === undefined)) return patience
  return { waitsMs, forMs: Math.max(forMs ?? 0, INTERRUPTED_FOR_MS) }
}

export type Remedy =
  | { kind: 'retry'; waitMs: number; isCounted: boolean; usesPatience: boolean }
  | { kind: 'dead-letter'; reason: string }

export interface Tried {
  /** Counts from 1. */
  attempt: number
  /** Milliseconds since the first failure that used patience; 0 for the first. */
  forMs: number
}

/** Each wait is up to this share longer, at random, so that messages that failed together are not retried together. */
const JITTER = 0.1
/** Limit for `retryAfterSeconds`. */
const TOLD_MAX_MS = 3_600_000
const UNTRIED_WAIT_MS = 1_000
const NOT_TOLD = { retryAfterSeconds: 0, isUntried: false }

/**
 * Gives up a permanent error at once, and any other error when the patience is over. An attempt that tried nothing is not
 * counted, and uses patience only if an outside system is unavailable. An interrupted attempt is not counted either. If the
 * error has `retryAfterSeconds`, the wait is at least that long. `random` is from 0 to 1.
 */
export function remedyFor(error: Error, { attempt, forMs }: Tried, patience: Patience, random: number): Remedy {
  const reason = `${errorCode(error)}: ${error.message}`
  if (error instanceof PermanentError) return { kind: 'dead-letter', reason }
  const { retryAfterSeconds, isUntried: wasUntried } = error instanceof TransientError ? error : NOT_TOLD
  const isUntried = wasUntried || isInterrupted(error)
  const { waitsMs, attemptsMax = Number.POSITIVE_INFINITY, forMs: patienceMs = Number.POSITIVE_INFINITY } = patience
  const usesPatience = !wasUntried || isOutside(error)
  const isOver = usesPatience && ((!isUntried && attempt >= attemptsMax) || forMs >= patienceMs)
  if (isOver) return { kind: 'dead-letter', reason: `gave up after ${attempt} attempts: ${reason}` }
  const own = isUntried ? UNTRIED_WAIT_MS : (waitsMs[Math.min(attempt, waitsMs.length) - 1] ?? waitsMs[0])
  const toldMs = Math.min(retryAfterSeconds * 1_000, TOLD_MAX_MS)
  const waitMs = Math.round(Math.max(toldMs, own * (1 + JITTER * random)))
  return { kind: 'retry', waitMs, isCounted: !isUntried, usesPatience }
}

export interface Attempt {
  at: string
  attempt: number
  error: string
}

const HISTORY_MAX = 10

/** The last attempts, including this one. */
export function historyWith(history: readonly Attempt[], error: Error, { at, attempt }: Omit<Attempt, 'error'>) {
  const latest = { at, attempt, error: `${errorCode(error)}: ${error.message}`.slice(0, 300) }
  return [...history, latest].slice(-HISTORY_MAX)
}

/** The attempt number in a delivery's headers. An earlier version of the service may have written it. */
export function attemptOf(headers: Headers): number {
  const attempt = Number(headers.attempt ?? 1)
  return Number.isInteger(attempt) && attempt > 0 ? Math.min(attempt, DEFAULT_PATIENCE.attemptsMax ?? 1) : 1
}

/** The attempts in a dead letter's header; empty if the header is missing or not ours. */
export function historyOf(headers: Headers): Attempt[] {
  if (typeof headers.history !== 'string') return []
  try {
    const history: unknown = JSON.parse(headers.history)
    return Array.isArray(history) ? history.filter(isAttempt) : []
  } catch {
    // A foreign header of the same name. The failure at hand matters more than this header.
    return []
  }
}

function isAttempt(value: unknown): value is Attempt {
  return typeof value === 'object' && value !== null && 'at' in value && 'attempt' in value && 'error' in value
}
