// The four kinds of failure. What happens next is decided by the class alone, so a thrower chooses the remedy.

interface Details {
  cause?: unknown
}

interface OwnDetails extends Details {
  /** Said by the port to an outside system of that system: only such a failure may become a business outcome. */
  isOutside?: boolean
}

interface TransientDetails extends OwnDetails {
  /** What everybody here needs is away, and nobody's work is at fault: consumers pause until it is back. */
  isOutage?: boolean
  /** An outage of this one transaction, broken off by a lost connection or by another's: it may be done again at once. */
  isInterrupted?: boolean
  /** Not to be tried again before; what was asked for by the other side, or is known to be of no use earlier. */
  retryAfterSeconds?: number
  /** Nothing was tried, so this is not counted as an attempt. Whoever says so sees to it that it ends. */
  isUntried?: boolean
}

/** Trying again cannot help: a message goes to the dead letters at once. */
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

/** Trying again may help; an unknown outcome counts here. Anything that is not one of these classes is treated so too. */
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

/** It came before its time, as a timer does that somebody's policy has shortened: it is handled again when that has come. */
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
  /** Since it came for the first time. */
  waitedMs?: number | undefined
}

/**
 * For a timer of `lengthMs` that may come early: it waits on until `due`, but in all no longer than its length, since a clock that was
 * wrong when it was set would keep it waiting for as long as it was wrong.
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

/** Whether the port to an outside system has declared this as that system's own failure; a fault of ours never is. */
export function isOutside(error: unknown): boolean {
  return (error instanceof TransientError || error instanceof PermanentError) && error.isOutside
}

/** Marks what a port has thrown in so many words as the outside system's own failure. What nobody foresaw stays a fault of ours. */
export function declaredOutside(error: Error): Error {
  if (error instanceof PermanentError || (error instanceof TransientError && !error.isOutage)) error.isOutside = true
  return error
}

export interface FieldFault {
  /** Dotted path into the input, for example `items.0.quantity`. */
  field: string
  message: string
}

/** The asker is told no: an RFC 9457 problem over HTTP, a refusal over RPC. `status` is the HTTP status, 4xx or 503/504. */
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

/** Our own bug or a bad configuration: the process says what to do, stops, and exits 1. */
export class BrokenError extends Error {
  override name = 'BrokenError'
  readonly code: string
  constructor(code: string, message: string, details?: Details) {
    super(message, details)
    this.code = code
  }
}

/** Whatever was thrown, as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}

/** The stable code of an error: our own `code`, a driver's (`SQLITE_FULL`, `ECONNREFUSED`), or its class name. */
export function errorCode(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
