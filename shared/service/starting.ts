// A start that meets an outage is made anew: a database that goes away while a service starts is waited for, as it is while it runs.
import { setTimeout as delay } from 'node:timers/promises'
import { TransientError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

/** Then whoever supervises the process is to know: an address that is wrong looks like an outage, too. */
const AGAIN_FOR_MS = 60_000
const AGAIN_AFTER_MS = 1_000

interface Starting {
  log: Log
  /** A monotonic clock. */
  clockMs?: () => number
  pause?: (ms: number) => Promise<unknown>
}

/**
 * Resolves with what `start` does, which closes all that it opened when it fails.
 *
 * @throws what it throws: at once what is no outage, and an outage when a minute is over
 */
export async function startedDespiteOutages<T>(
  start: () => Promise<T>,
  { log, clockMs = () => performance.now(), pause = delay }: Starting,
): Promise<T> {
  const beganMs = clockMs()
  for (;;) {
    try {
      return await start()
    } catch (error) {
      if (!(error instanceof TransientError) || clockMs() - beganMs >= AGAIN_FOR_MS) throw error
      log.warn({ why: error.message }, 'cannot start yet, trying again')
      await pause(AGAIN_AFTER_MS)
    }
  }
}
