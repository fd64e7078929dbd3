// Looks that are made again and again, one at a time: into a table for what is due, or at the broker for what has changed.
import { asError } from './errors.ts'

/** `failed` is told once for each outage. The first look is after `everyMs`; whoever opens it closes it. */
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

  /** One look that has yet to begin answers all who ask while another is under way, since that one may have passed what they mean. */
  async function afterwards(): Promise<void> {
    await looking
    next = undefined
    await now()
  }

  /** Resolves when a look is over that has begun since, or when nobody looks any more. Never rejects. */
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
    /** Looks no more, and resolves when the look under way is over. */
    async close(): Promise<void> {
      closed = true
      clearInterval(interval)
      await looking
    },
  }
}
