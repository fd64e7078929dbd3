// Limits how many HTTP requests are worked on at a time. Further requests are refused at once, which costs almost nothing, so
// that clients can try again while the others still wait for their answers.
import type { FastifyInstance } from 'fastify'
import { RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface Admission {
  /** Requests in progress. */
  underWay(): number
}

const RETRY_AFTER_SECONDS = 1

/**
 * Limits the requests in progress. A request counts from when its body has been read, so that slow senders take no place. It
 * counts until its answer is made, even if its client is gone. Routes for which `isExempt` returns true are always served:
 * health and metrics matter most when a service is overloaded.
 */
export function admit(
  app: Pick<FastifyInstance, 'addHook'>,
  requestsMax: number,
  isExempt: (route: string | undefined) => boolean,
  log: Log,
): Admission {
  const admitted = new Set<unknown>()
  let isRefusing = false
  app.addHook('preHandler', async ({ routeOptions, raw }) => {
    if (isExempt(routeOptions.url)) return
    if (admitted.size >= requestsMax) {
      // Logged once for each flood, not for each refusal.
      if (!isRefusing) log.warn({ underWay: admitted.size }, 'overloaded, refusing requests')
      isRefusing = true
      throw overloaded(admitted.size)
    }
    admitted.add(raw)
  })
  app.addHook('onSend', async ({ raw }) => {
    admitted.delete(raw)
    if (admitted.size < requestsMax / 2) isRefusing = false
  })
  return { underWay: () => admitted.size }
}

function overloaded(underWay: number): RejectedError {
  return new RejectedError(503, 'overloaded', `${underWay} requests are in progress already; try again soon`, {
    retryAfterSeconds: RETRY_AFTER_SECONDS,
  })
}
