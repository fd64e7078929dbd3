// Looks that are made again and again, one at a time: into a table for what is due, or at the broker for what has changed.
import { asError } from './errors.ts'

/** `failed` is told once for each outage. The first look is after `everyMs`; whoever opens it closes it. */
export function lookEvery(everyMs: number, look: () => Promise<void>, failed: (error: Error) => void) {
  let looking: Promise<void> | undefined
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

  /** Looks at once, or joins the look that is under way; resolves when it is over. Never rejects. */
  async function now(): Promise<void> {
    if (!closed) looking ??= lookOnce()
    await looking
  }

  const interval = setInterval(now, everyMs)
  interval.unref()
  return {
    now,
    /** Looks no more, and resolves when the look under way is over. */
    async close(): Promise<void> {
      closed = true
      clearInterval(interval)
      await looking
    },
  }
}
