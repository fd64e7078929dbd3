// Repeats a look, one at a time: into a table for due rows, or at the broker for changes.
import { asError } from './errors.ts'

/** `failed` is called once for each outage. The first look is after `everyMs`. The caller closes it. */
export function lookEvery(everyMs: number, look: () => Promise<void>, failed: (error: Error) => void) {
  let looking: Promise<void> | undefined
  let next: Promise<void> | undefined
  let isReadable = true
  let closed = false

  async function lookOnce(): Promise<void> {
    try {
      await look()
      isReadable = true
    } catch (thrown) {
      if (isReadable && !closed) failed(asError(thrown))
      isReadable = false
    } finally {
      looking = undefined
    }
  }

  /**
   * The running look may have missed what the caller means, so the caller waits for the next one. All callers during a look
   * share it.
   */
  async function afterwards(): Promise<void> {
    await looking
    next = undefined
    await now()
  }

  /** Resolves after a look that began after the call, or once looking has stopped. Never rejects. */
  async function now(): Promise<void> {
    if (looking) {
      next ??= afterwards()
      return next
    }
    if (closed) return
    looking = lookOnce()
    return looking
  }

  const interval = setInterval(() => {
    if (!looking) void now()
  }, everyMs)
  interval.unref()
  return {
    now,
    /** Stops looking. Resolves when the running look is over. */
    async close(): Promise<void> {
      closed = true
      clearInterval(interval)
      await looking
    },
  }
}
