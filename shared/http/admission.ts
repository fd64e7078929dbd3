// Who is let in: nobody beyond what the process can answer while people still wait. The rest hears so at once, which
// costs next to nothing, and comes again.
import type { FastifyInstance } from 'fastify'
import { RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface Admission {
  /** Requests that are being worked on. */
  underWay(): number
}

const RETRY_AFTER_SECONDS = 1

/**
 * Bounds the requests that are worked on at one time. A request counts from when its body has been read, so that slow
 * senders take nobody's place, until its answer is made, even if its client has gone meanwhile. Routes for which
 * `isExempt` says yes are always served: whoever looks after a service must see it most of all when it is overloaded.
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
      // Said once for each flood, not once for each refusal.
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
