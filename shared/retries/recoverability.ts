// What becomes of a delivery that failed: a pure function from the error, what was tried so far and the handler's patience
// to a value.

import type { Headers } from '../messaging/broker.ts'
import { errorCode, isInterrupted, isOutside, PermanentError, TransientError } from '../runtime/errors.ts'

/** How long a handler goes on trying. Whatever ends first ends it; with neither, it is due until it is done. */
export interface Patience {
  /** Before the second attempt, the third, …; the last one repeats. */
  waitsMs: readonly [number, ...number[]]
  /** How often it is tried in all. */
  attemptsMax?: number
  /**
   * How long it is tried, from the first failure. What waits for something of ours has not begun, and is not ended by it; what waits
   * for the outside world to serve has, and is.
   */
  forMs?: number
}

/** 1 s, 5 s, 30 s, and then no more. */
export const DEFAULT_PATIENCE: Patience = { waitsMs: [1_000, 5_000, 30_000], attemptsMax: 4 }
/** For this long at least, sessions that the database ends cost a message no attempt. */
const INTERRUPTED_FOR_MS = 600_000

/** What is interrupted is not given up by the number of its attempts, but by time: it might be the message that ends its session. */
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
  /** Since the first failure that used patience; 0 for the first. */
  forMs: number
}

/** Waits are longer by up to this share, at random, so that those who failed together do not come back together. */
const JITTER = 0.1
/** Whoever asks for more is asked again after this. */
const TOLD_MAX_MS = 3_600_000
const UNTRIED_WAIT_MS = 1_000
const NOT_TOLD = { retryAfterSeconds: 0, isUntried: false }

/**
 * Permanent errors are given up at once; everything else when the patience is over. What was not even tried counts no
 * attempt, and where it is nobody's fault outside uses no patience; what was interrupted counts none either. An error that says when to come back is waited for as long. `random` is from 0 to 1.
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

/** The attempts so far, the last ones of them, and this one. */
export function historyWith(history: readonly Attempt[], error: Error, { at, attempt }: Omit<Attempt, 'error'>) {
  const latest = { at, attempt, error: `${errorCode(error)}: ${error.message}`.slice(0, 300) }
  return [...history, latest].slice(-HISTORY_MAX)
}

/** The attempt that a delivery's headers speak of: an earlier version of a service may have tried before. */
export function attemptOf(headers: Headers): number {
  const attempt = Number(headers.attempt ?? 1)
  return Number.isInteger(attempt) && attempt > 0 ? Math.min(attempt, DEFAULT_PATIENCE.attemptsMax ?? 1) : 1
}

/** What a dead letter's header tells of its attempts; empty when it is missing or not ours. */
export function historyOf(headers: Headers): Attempt[] {
  if (typeof headers.history !== 'string') return []
  try {
    const history: unknown = JSON.parse(headers.history)
    return Array.isArray(history) ? history.filter(isAttempt) : []
  } catch {
    // A foreign header of the same name: the failure it cannot tell of matters more than the header.
    return []
  }
}

function isAttempt(value: unknown): value is Attempt {
  return typeof value === 'object' && value !== null && 'at' in value && 'attempt' in value && 'error' in value
}
