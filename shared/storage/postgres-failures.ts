// What a failure of PostgreSQL means: an outage of everybody, a conflict worth repeating, or the statement's own fault.
import { DatabaseError } from 'pg'
import { asError, BrokenError, PermanentError, TransientError } from '../runtime/errors.ts'
import { SilentError } from './postgres-silence.ts'

/** By SQLSTATE (PostgreSQL manual, appendix A). */
const CONFLICTS: Record<string, string> = { '40P01': 'deadlock', '40001': 'serialization_failure' }
/** Going away, starting up, full of connections, or demoted to a standby: nobody's statement can succeed now. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '53300', '25006'])
/** The server is there, and its disk is full or fails. */
const DISK: Record<string, string> = { '53100': 'disk_full', '58030': 'disk_failed' }
const LOCK_NOT_AVAILABLE = '55P03'

/** The server's own error stays as it is, with its SQLSTATE as `code`, unless it says more about the server than about the statement. */
export function failureOf(thrown: unknown): Error {
  const error = asError(thrown)
  if (error instanceof TransientError || error instanceof PermanentError || error instanceof BrokenError) return error
  if (!(error instanceof DatabaseError)) return lost(error)
  const { code = '' } = error
  const conflict = CONFLICTS[code]
  if (conflict) return new TransientError(conflict, error.message, { cause: error, isInterrupted: true })
  const disk = DISK[code]
  if (disk) return new TransientError(disk, error.message, { cause: error, isOutage: true })
  if (code === LOCK_NOT_AVAILABLE)
    return new TransientError('database_locked', 'another transaction holds the lock', { cause: error, isOutage: true })
  return UNAVAILABLE.has(code) || code.startsWith('08') ? lost(error) : error
}

/** What is no answer of the server comes from the connection to it. */
function lost(cause: Error): TransientError {
  const why =
    cause instanceof AggregateError ? cause.errors.map((inner) => asError(inner).message).join('; ') : cause.message
  return new TransientError('database_unavailable', why, { cause, isOutage: true })
}

/** True when the connection is of no more use. */
export function isLost(error: unknown): boolean {
  return error instanceof TransientError && error.code === 'database_unavailable'
}

/** True when the server did not say goodbye: then others find it no better than this one did. */
export function isSilent(error: unknown): boolean {
  return isLost(error) && error instanceof Error && error.cause instanceof SilentError
}
