// Looks that are made again and again, one at a time: into a table for what is due, or at the broker for what has changed.
import { asError } from './errors.ts'

export interface Looks {
  /** Looks at once, or joins the look that is under way; resolves when it is over. Never rejects. */
  now(): Promise<void>
  /** Looks no more, and resolves when the look under way is over. */
  close(): Promise<void>
}

/** `failed` is told once for each outage. The first look is after `everyMs`; whoever opens it closes it. */
export function lookEvery(everyMs: number, look: () => Promise<void>, failed: (error: Error) => void): Looks {
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

  async function now(): Promise<void> {
    if (!closed) looking ??= lookOnce()
    await looking
  }

  const interval = setInterval(now, everyMs)
  interval.unref()
  return {
    now,
    async close() {
      closed = true
      clearInterval(interval)
      await looking
    },
  }
}
