// The calls to the outside world that a consumer has under way: each with a time limit, and all of them ended by a stop.
import type { Received } from '../contracts/index.ts'
import { deferred } from '../runtime/deferred.ts'
import { TransientError } from '../runtime/errors.ts'
import type { AskContext, Context, Handler } from './handler.ts'

export interface OutsideCalls {
  /**
   * Resolves with the handler's answer from outside.
   *
   * @throws TransientError `ask_timeout`; what `endAll` was given; and what the handler throws
   */
  ask(handler: Handler, event: Received, context: Context): Promise<unknown>
  /** Ends every call that is under way, with this error. */
  endAll(error: Error): void
}

export function createOutsideCalls(read: AskContext['read'], timeoutMs: number): OutsideCalls {
  const underWay = new Set<(error: Error) => void>()

  return {
    async ask(handler, event, { now, attempt, redelivered }) {
      const late = deferred<never>()
      // Made for those only who look at it.
      let limit: AbortController | undefined
      const end = (error: Error) => {
        limit?.abort()
        late.reject(error)
      }
      const asked: AskContext = {
        now,
        attempt,
        redelivered,
        read,
        get signal() {
          limit ??= new AbortController()
          return limit.signal
        },
      }
      const timer = setTimeout(
        () => end(new TransientError('ask_timeout', `no answer from outside within ${timeoutMs} ms`)),
        timeoutMs,
      )
      underWay.add(end)
      try {
        return await Promise.race([handler.ask?.(event, asked), late.promise])
      } finally {
        clearTimeout(timer)
        underWay.delete(end)
      }
    },
    endAll(error) {
      for (const end of underWay) end(error)
    },
  }
}
