// What becomes of a delivery that failed: a pure function from the error and the attempt to a value.
import { errorCode, isOutage, PermanentError, TransientError } from '../runtime/errors.ts'
import type { Headers } from './broker.ts'
import { type Room, rooms } from './queues.ts'

/**
 * `nextAttempt` is the same number again where none is counted. `waitMs` may be longer than the room's time: then the
 * message goes back into a room until it is over.
 */
export type Remedy =
  | { kind: 'retry'; room: Room; waitMs: number; nextAttempt: number }
  | { kind: 'dead-letter'; reason: string }

const ROOMS: readonly Room[] = ['1s', '5s', '30s']
const OUTAGE_ROOM: Room = '5s'
const UNTRIED_ROOM: Room = '1s'
const WITHOUT_A_WISH = { retryAfterSeconds: 0, isUntried: false }

/** The first attempt and one after each waiting room. */
export const ATTEMPTS_MAX = ROOMS.length + 1
/** Whoever asks for more patience is asked again after this. */
const WAIT_MAX_MS = 3_600_000

/**
 * `attempt` counts from 1. Permanent errors are given up at once; everything else after the last waiting room. An outage
 * of our own database counts no attempt: however long it lasts, no message may be given up for it. Nor does what was not
 * even tried.
 */
export function remedyFor(error: Error, attempt: number): Remedy {
  const reason = `${errorCode(error)}: ${error.message}`
  if (error instanceof PermanentError) return { kind: 'dead-letter', reason }
  const { retryAfterSeconds, isUntried } = error instanceof TransientError ? error : WITHOUT_A_WISH
  const isCounted = !isUntried && !isOutage(error)
  const own = isOutage(error) ? OUTAGE_ROOM : isUntried ? UNTRIED_ROOM : ROOMS[attempt - 1]
  if (!own) return { kind: 'dead-letter', reason: `gave up after ${attempt} attempts: ${reason}` }
  const waitMs = Math.min(Math.max(retryAfterSeconds * 1_000, rooms[own]), WAIT_MAX_MS)
  return { kind: 'retry', room: roomFor(waitMs), waitMs, nextAttempt: isCounted ? attempt + 1 : attempt }
}

/** The nearest room that is long enough, or the longest. */
export function roomFor(waitMs: number): Room {
  return ROOMS.find((room) => rooms[room] >= waitMs) ?? '30s'
}

/**
 * How long a message that came back from a room is to wait still; 0 for one that may be handled. Until the time it was told, and
 * not for longer than it was to wait in all: a clock that was set back in between would hold it for as long as it was wrong.
 */
export function waitLeftMs(headers: Headers, now: Date): number {
  const untilMs = Date.parse(String(headers['not-before'])) - now.getTime()
  const leftMs = Math.min(untilMs, Number(headers['wait-ms'] ?? WAIT_MAX_MS), WAIT_MAX_MS)
  return leftMs > 0 ? leftMs : 0
}

/** The attempt that a delivery's headers speak of; whoever forged them gets the first or the last one. */
export function attemptOf(headers: Headers): number {
  const attempt = Number(headers.attempt ?? 1)
  return Number.isInteger(attempt) ? Math.min(Math.max(attempt, 1), ATTEMPTS_MAX) : 1
}

const STACK_MAX = 4_000
const MESSAGE_MAX = 1_000
const HISTORY_MAX = 10
const HEADERS_MAX_BYTES = 16_384

interface Failure {
  error: Error
  attempt: number
  queue: string
  service: string
  version: string
  at: string
}

/** What a failed copy's headers say besides those it came with: why, where, and every earlier attempt. */
export function failureHeaders(headers: Headers, { error, attempt, queue, service, version, at }: Failure): Headers {
  const message = error.message.slice(0, MESSAGE_MAX)
  const history = [...historyOf(headers), { at, attempt, error: `${errorCode(error)}: ${message.slice(0, 200)}` }]
  return {
    ...bounded(withoutBrokerHeaders(headers)),
    queue,
    service,
    'service-version': version,
    'failed-at': at,
    'error-code': errorCode(error),
    'error-message': message,
    'error-stack': (error.stack ?? '').slice(0, STACK_MAX),
    history: JSON.stringify(history.slice(-HISTORY_MAX)),
  }
}

export interface Attempt {
  at: string
  attempt: number
  error: string
}

/** The attempts before this one; empty when the header is missing or not ours. */
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

/** AMQP's frame holds no more than about 64 KiB of headers: a copy that cannot be published would never be settled. */
function bounded(headers: Headers): Headers {
  const { history: _, ...kept } = headers
  const bytes = Buffer.byteLength(JSON.stringify(kept))
  return bytes <= HEADERS_MAX_BYTES
    ? kept
    : { attempt: headers.attempt, 'headers-dropped': `${bytes} bytes of headers` }
}

/**
 * Leaves out what the broker keeps its own accounts in. A republished message must not carry `x-death`: the broker may
 * take its next expiry for a cycle and drop it (RabbitMQ guide "Dead Letter Exchanges").
 */
export function withoutBrokerHeaders(headers: Headers): Headers {
  const broker = /^x-(death|(first|last)-death-|delivery-count|acquired-count|opt-|exception)/
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !broker.test(name)))
}
