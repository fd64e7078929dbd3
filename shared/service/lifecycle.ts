// Opens and closes parts of a service: each part registers its closer, and the closers run in reverse order within one
// deadline.

import { deferred } from '../runtime/deferred.ts'
import { asError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface Parts {
  /** Registers the closer of an opened part and returns the part. */
  use<T>(name: string, part: T, close: (part: T) => Promise<void> | void): T
  /** Closes all parts, newest first. A closer that fails or is late does not stop the others. */
  close(deadlineMs: number): Promise<{ clean: boolean }>
}

export function createParts(log: Log): Parts {
  const closers: { name: string; close: () => Promise<void> | void }[] = []

  async function closeOne(name: string, close: () => Promise<void> | void, leftMs: number): Promise<boolean> {
    const late = deferred<false>()
    const timer = setTimeout(() => late.resolve(false), leftMs)
    try {
      const inTime = await Promise.race([Promise.resolve(close()).then(() => true), late.promise])
      if (!inTime) log.error({ part: name }, 'did not close in time')
      return inTime
    } catch (thrown) {
      log.error({ part: name, err: asError(thrown) }, 'failed to close')
      return false
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    use(name, part, close) {
      closers.push({ name, close: () => close(part) })
      return part
    },
    async close(deadlineMs) {
      const deadline = performance.now() + deadlineMs
      let clean = true
      for (let last = closers.pop(); last; last = closers.pop())
        clean = (await closeOne(last.name, last.close, Math.max(50, deadline - performance.now()))) && clean
      return { clean }
    },
  }
}
