// A look that is taken again and again: at the start, and a while after each look's end, until it is closed.
import { asError, type Log } from '@orders/shared/runtime'

export interface Polling {
  /** Resolves when the look under way is over. */
  close(): Promise<void>
}

/** `look` is told whether it shall stop. What it throws is logged once for each outage, and it is taken again. */
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
