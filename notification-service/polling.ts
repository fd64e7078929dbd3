// Polls for work: at start, and again some time after each look has ended, until it is closed.
import { asError, type Log } from '@orders/shared/runtime'

export interface Polling {
  /** Resolves when the current look has ended. */
  close(): Promise<void>
}

/** `look` may ask whether it should stop. If it throws, the error is logged once per outage, and polling goes on. */
export function startPolling(
  what: string,
  look: (isClosed: () => boolean) => Promise<void>,
  { pollMs, log }: { pollMs: number; log: Log },
): Polling {
  let closed = false
  let works = true
  let timer: NodeJS.Timeout | undefined
  const isClosed = () => closed

  async function lookAndWait(): Promise<void> {
    try {
      await look(isClosed)
      works = true
    } catch (thrown) {
      if (works && !closed) log.warn({ what, err: asError(thrown) }, 'cannot look for work that is due')
      works = false
    }
    if (closed) return
    timer = setTimeout(again, pollMs)
    timer.unref()
  }

  let looking = lookAndWait()
  function again(): void {
    looking = lookAndWait()
  }

  return {
    async close() {
      closed = true
      clearTimeout(timer)
      await looking
    },
  }
}
