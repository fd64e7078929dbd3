// The four kinds of failure. The class alone decides what happens next, so the thrower chooses the remedy.

interface Details {
  cause?: unknown
}

interface OwnDetails extends Details {
  /** Set by the port of an outside system if that system itself failed. Only such a failure may become a business outcome. */
  isOutside?: boolean
}

interface TransientDetails extends OwnDetails {
  /** Something that all work needs is away, and no message is at fault. Consumers pause until it is back. */
  isOutage?: boolean
  /** An outage of this transaction only, for example by a lost connection or a deadlock. It may be repeated at once. */
  isInterrupted?: boolean
  /** Do not retry earlier: the other side asked for this wait, or an earlier retry is known to be useless. */
  retryAfterSeconds?: number
  /** Nothing was attempted, so no attempt is counted. The thrower must make sure that this ends. */
  isUntried?: boolean
}

/** Retrying cannot help: the message becomes a dead letter at once. */
export class PermanentError extends Error {
  override name = 'PermanentError'
  readonly code: string
  /** See `declaredOutside`. */
  isOutside: boolean
  constructor(code: string, message: string, details: OwnDetails = {}) {
    super(message, details)
    this.code = code
    this.isOutside = details.isOutside ?? false
  }
}

/** Retrying may help. An unknown outcome counts here. Errors of any other class are treated the same. */
export class TransientError extends Error {
  override name = 'TransientError'
  readonly code: string
  readonly isOutage: boolean
  readonly isInterrupted: boolean
  readonly retryAfterSeconds: number
  readonly isUntried: boolean
  /** See `declaredOutside`. */
  isOutside: boolean
  constructor(code: string, message: string, details: TransientDetails = {}) {
    super(message, details)
    this.code = code
    this.isOutside = details.isOutside ?? false
    this.isInterrupted = details.isInterrupted ?? false
    this.isOutage = this.isInterrupted || (details.isOutage ?? false)
    this.retryAfterSeconds = details.retryAfterSeconds ?? 0
    this.isUntried = details.isUntried ?? false
  }
}

/**
 * A message came before its time, for example a timer that a broker policy shortened. It is handled again when its time has
 * come.
 */
export class TooEarlyError extends TransientError {
  override name = 'TooEarlyError'
  /** `due` and `now` are RFC 3339. */
  constructor(due: string, now: string) {
    const retryAfterSeconds = Math.max(0, Date.parse(due) - Date.parse(now)) / 1_000
    super('too_early', `it is due at ${due}`, { isUntried: true, retryAfterSeconds })
  }
}

interface Timed {
  lengthMs: number
  /** Since its first arrival. */
  waitedMs?: number | undefined
}

/**
 * For a timer of `lengthMs` that came early: it waits until `due`, but no longer than `lengthMs` in all. Otherwise a clock that
 * was wrong when the timer was set would make it wait far too long.
 *
 * @throws TooEarlyError before `due`; both RFC 3339
 */
export function notBefore(due: string | undefined, now: string, { lengthMs, waitedMs = 0 }: Timed): void {
  if (due === undefined || now >= due || waitedMs >= lengthMs) return
  const latest = new Date(Date.parse(now) + lengthMs - waitedMs).toISOString()
  throw new TooEarlyError(due < latest ? due : latest, now)
}

export function isOutage(error: unknown): error is TransientError {
  return error instanceof TransientError && error.isOutage
}

export function isInterrupted(error: unknown): boolean {
  return error instanceof TransientError && error.isInterrupted
}

/** Whether a port declared this as the outside system's own failure. A fault of ours is never declared so. */
export function isOutside(error: unknown): boolean {
  return (error instanceof TransientError || error instanceof PermanentError) && error.isOutside
}

/** Marks an error that a port throws explicitly as the outside system's own failure. Unforeseen errors count as our fault. */
export function declaredOutside(error: Error): Error {
  if (error instanceof PermanentError || (error instanceof TransientError && !error.isOutage)) error.isOutside = true
  return error
}

export interface FieldFault {
  /** Dotted path into the input, for example `items.0.quantity`. */
  field: string
  message: string
}

/** A refusal of a request: an RFC 9457 problem over HTTP, a refusal over RPC. `status` is the HTTP status, 4xx or 503/504. */
export class RejectedError extends Error {
  override name = 'RejectedError'
  readonly status: number
  readonly code: string
  readonly errors: FieldFault[] | undefined
  readonly retryAfterSeconds: number | undefined
  /** What a program needs to go on: extension members of the problem (RFC 9457 §3.2). */
  readonly members: Readonly<Record<string, unknown>> | undefined
  constructor(
    status: number,
    code: string,
    message: string,
    details: Details & {
      errors?: FieldFault[]
      retryAfterSeconds?: number
      members?: Readonly<Record<string, unknown>>
    } = {},
  ) {
    super(message, details)
    this.status = status
    this.code = code
    this.errors = details.errors
    this.retryAfterSeconds = details.retryAfterSeconds
    this.members = details.members
  }
}

/** Our own bug or a bad configuration. The process logs what to do, stops, and exits 1. */
export class BrokenError extends Error {
  override name = 'BrokenError'
  readonly code: string
  constructor(code: string, message: string, details?: Details) {
    super(message, details)
    this.code = code
  }
}

/** Converts any thrown value to an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** The stable code of an error: our own `code`, a driver's (`SQLITE_FULL`, `ECONNREFUSED`), or its class name. */
export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
