// The outside calls of one consumer. Each has a time limit, and a stop of the service ends them all.

import type { Received } from '../contracts/definition/contract.ts'
import { beginStep } from '../messaging/spans.ts'
import { nextTrace, type Trace } from '../messaging/trace.ts'
import { deferred } from '../runtime/deferred.ts'
import { TransientError } from '../runtime/errors.ts'
import type { AskContext, Context, Handler } from './handler.ts'

/** The service stopped during an outside call. Nothing has failed, so nothing may be decided. */
export class Stopping extends Error {
  override name = 'Stopping'
}

export function createOutsideCalls(read: AskContext['read'], timeoutMs: number) {
  const underWay = new Set<(error: Error) => void>()

  return {
    /**
     * Resolves with the outside system's answer.
     *
     * @throws TransientError `ask_timeout`, with `isOutside` unless the handler was reading our own database; Stopping; and
     * what the handler throws
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
      // Created only if the handler uses the signal.
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
    /** Ends every running call. */
    stop() {
      for (const end of underWay) end(new Stopping('the service is stopping'))
    },
  }
}
