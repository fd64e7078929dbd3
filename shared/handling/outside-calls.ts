// The calls to the outside world that a consumer has under way: each with a time limit, and all of them ended by a stop.

import type { Received } from '../contracts/definition/contract.ts'
import { beginStep } from '../messaging/spans.ts'
import { nextTrace, type Trace } from '../messaging/trace.ts'
import { deferred } from '../runtime/deferred.ts'
import { TransientError } from '../runtime/errors.ts'
import type { AskContext, Context, Handler } from './handler.ts'

/** The service stops while the outside world is being asked: nothing has failed, so nothing may be decided. */
export class Stopping extends Error {
  override name = 'Stopping'
}

export function createOutsideCalls(read: AskContext['read'], timeoutMs: number) {
  const underWay = new Set<(error: Error) => void>()

  return {
    /**
     * Resolves with the handler's answer from outside.
     *
     * @throws TransientError `ask_timeout`, which is the outside world's failure unless our own database was being read;
     * Stopping; and what the handler throws
     */
    async ask(
      handler: Handler,
      event: Received,
      { now, attempt, redelivered }: Context,
      from: Trace,
    ): Promise<unknown> {
      const step = beginStep(() => ({ name: `ask for ${event.type}`, kind: 'CLIENT', from }))
      const late = deferred<never>()
      let reading = 0
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
        get trace() {
          return step?.trace ?? nextTrace(from)
        },
        async read(state, key) {
          reading += 1
          try {
            return await read(state, key)
          } finally {
            reading -= 1
          }
        },
        get signal() {
          limit ??= new AbortController()
          return limit.signal
        },
      }
      const timer = setTimeout(() => {
        const isOutside = reading === 0
        const who = isOutside ? 'outside' : 'our own database'
        end(new TransientError('ask_timeout', `no answer from ${who} within ${timeoutMs} ms`, { isOutside }))
      }, timeoutMs)
      underWay.add(end)
      try {
        const answer = await Promise.race([handler.ask?.(event, asked), late.promise])
        step?.end()
        return answer
      } catch (error) {
        step?.end(error)
        throw error
      } finally {
        clearTimeout(timer)
        underWay.delete(end)
      }
    },
    /** Ends every call that is under way. */
    stop() {
      for (const end of underWay) end(new Stopping('the service is stopping'))
    },
  }
}
