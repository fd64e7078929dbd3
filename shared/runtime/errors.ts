// The four kinds of failure. What happens next is decided by the class alone, so a thrower chooses the remedy.

interface Details {
  cause?: unknown
}

interface TransientDetails extends Details {
  /** What everybody here needs is away, and nobody's work is at fault: messages wait without counting attempts. */
  isOutage?: boolean
  /** Not to be tried again before; what was asked for by the other side, or is known to be of no use earlier. */
  retryAfterSeconds?: number
  /** Nothing was tried, so this is not counted as an attempt. Whoever says so sees to it that it ends. */
  isUntried?: boolean
}

/** Trying again cannot help: a message goes to the dead letters at once. */
export class PermanentError extends Error {
  override name = 'PermanentError'
  readonly code: string
  constructor(code: string, message: string, details?: Details) {
    super(message, details)
    this.code = code
  }
}

/** Trying again may help; an unknown outcome counts here. Anything that is not one of these classes is treated so too. */
export class TransientError extends Error {
  override name = 'TransientError'
  readonly code: string
  readonly isOutage: boolean
  readonly retryAfterSeconds: number
  readonly isUntried: boolean
  constructor(code: string, message: string, details: TransientDetails = {}) {
    super(message, details)
    this.code = code
    this.isOutage = details.isOutage ?? false
    this.retryAfterSeconds = details.retryAfterSeconds ?? 0
    this.isUntried = details.isUntried ?? false
  }
}

export function isOutage(error: unknown): error is TransientError {
  return error instanceof TransientError && error.isOutage
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
  constructor(
    status: number,
    code: string,
    message: string,
    details: Details & { errors?: FieldFault[]; retryAfterSeconds?: number } = {},
  ) {
    super(message, details)
    this.status = status
    this.code = code
    this.errors = details.errors
    this.retryAfterSeconds = details.retryAfterSeconds
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
