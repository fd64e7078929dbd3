// Gives each of a channel's many endpoints a breaker and a limit of concurrent calls, so that a dead one delays no
// others.
import { TransientError } from '@orders/shared/runtime'
import { dueSince, type Outgoing } from '../deliveries/domain.ts'
import { type Breaker, type BreakerOptions, createBreaker } from './breaker.ts'
import type { Send } from './sender.ts'

interface Endpoint {
  breaker: Breaker
  calls: number
}

/** Beyond this number the endpoint that was used least recently is forgotten. */
const ENDPOINTS_MAX = 1_000
/** Concurrent calls: a quarter of the channel's prefetch, so that a silent endpoint cannot use it up. */
export const CALLS_PER_ENDPOINT_MAX = 16

/** `endpointOf` names the endpoint whose breaker and limit a message uses. */
export function perEndpoint(
  endpointOf: (outgoing: Outgoing) => string,
  options: BreakerOptions,
  send: Send,
): { send: Send; isAnyOpen(): boolean } {
  const endpoints = new Map<string, Endpoint>()

  function find(key: string): Endpoint {
    const endpoint = endpoints.get(key) ?? { breaker: createBreaker(options), calls: 0 }
    endpoints.delete(key)
    endpoints.set(key, endpoint)
    const [oldest] = endpoints.keys()
    if (endpoints.size > ENDPOINTS_MAX && oldest !== undefined) endpoints.delete(oldest)
    return endpoint
  }

  const sendTo: Send = async (outgoing, context) => {
    const endpoint = find(endpointOf(outgoing))
    // Cannot go on for ever: each call under way ends, and either succeeds or counts for the breaker.
    if (endpoint.calls >= CALLS_PER_ENDPOINT_MAX && endpoint.breaker.openForMs() === 0)
      throw new TransientError('endpoint_busy', 'too many calls to this endpoint are in progress', { isUntried: true })
    endpoint.calls += 1
    try {
      return await endpoint.breaker.call(dueSince(outgoing), () => send(outgoing, context))
    } finally {
      endpoint.calls -= 1
    }
  }

  return { send: sendTo, isAnyOpen: () => [...endpoints.values()].some(({ breaker }) => breaker.isOpen()) }
}
