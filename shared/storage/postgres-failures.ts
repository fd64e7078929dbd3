// Classifies a failure of PostgreSQL: an outage, a conflict worth repeating, or the statement's own fault.
import { DatabaseError } from 'pg'
import { asError, BrokenError, PermanentError, TransientError } from '../runtime/errors.ts'
import { SilentError } from './postgres-silence.ts'

/** By SQLSTATE (PostgreSQL manual, appendix A). */
const CONFLICTS: Record<string, string> = { '40P01': 'deadlock', '40001': 'serialization_failure' }
/** Shutting down, starting, without free connections, or demoted to a standby: no statement can succeed now. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '25P03', '53300', '25006'])
/** The server runs, but its disk is full or fails. */
const DISK: Record<string, string> = { '53100': 'disk_full', '58030': 'disk_failed' }
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * Converts failures of the server or the connection. An error of the statement itself stays as it is, with its SQLSTATE as
 * `code`.
 */
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

/** An error that is not the server's answer is one of the connection. */
function lost(cause: Error): TransientError {
  const why =
    cause instanceof AggregateError ? cause.errors.map((inner) => asError(inner).message).join('; ') : cause.message
  return new TransientError('database_unavailable', why, { cause, isOutage: true })
}

/** True if the connection cannot be used any more. */
export function isLost(error: unknown): boolean {
  return error instanceof TransientError && error.code === 'database_unavailable'
}

/** True if the server fell silent. Then a new connection would do no better. */
export function isSilent(error: unknown): boolean {
  return isLost(error) && error instanceof Error && error.cause instanceof SilentError
}
