// Repeats a start that meets an outage, so that a database that is away at start is waited for as it is later.
import { setTimeout as delay } from 'node:timers/promises'
import { TransientError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

/** After this time the start fails, so that the process's supervisor notices. A wrong address looks like an outage too. */
const AGAIN_FOR_MS = 60_000
const AGAIN_AFTER_MS = 1_000

interface Starting {
  log: Log
  /** A monotonic clock. */
  clockMs?: () => number
  pause?: (ms: number) => Promise<unknown>
}

/**
 * Resolves with what `start` resolves. When `start` fails it must have closed everything it opened.
 *
 * @throws what `start` throws: at once if it is not an outage, an outage after a minute
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
