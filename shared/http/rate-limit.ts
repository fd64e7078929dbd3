// How often one client may ask: counted in memory, or in Redis for all copies of a service together.
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { CommonConfig } from '../runtime/config.ts'
import { RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface RateLimit {
  perMinute: number
  /** Counts shared by every copy of the service; without it each process counts by itself. */
  redis: Redis | undefined
  /** The client behind a request that shows a valid token. */
  holder(request: FastifyRequest): string | undefined
}

const MINUTE_MS = 60_000
/** A client's count is forgotten when that many others have come since. */
const CLIENTS_MAX = 10_000
const IPV6_CLIENT_BITS = 64
/** Redis that does not answer must not hold up the request that it counts. */
const REDIS_TIMEOUT_MS = 250
const REDIS_PAUSE_MAX_MS = 5_000

/** Connects in the background and for ever; who opens it calls `disconnect`. */
export async function openCounts(url: CommonConfig['redisUrl'], log: Log): Promise<Redis | undefined> {
  if (url === undefined) return undefined
  // Loading it takes time that only those spend who use it.
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    connectTimeout: 5_000,
    commandTimeout: REDIS_TIMEOUT_MS,
    // A count that comes late is worth nothing: without Redis every request fails its count at once, and is let in.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(REDIS_PAUSE_MAX_MS, 100 * 2 ** Math.min(times, 10)),
  })
  let isAway = false
  redis.on('error', (error: Error) => {
    // Said once for each outage, not once for each try.
    if (!isAway) log.warn({ why: error.message }, 'redis is not reachable: there is no rate limit')
    isAway = true
  })
  redis.on('ready', () => {
    if (isAway) log.info({}, 'redis is back')
    isAway = false
  })
  return redis
}

/** Counts every request of a client but those for which `isExempt` says yes, whatever becomes of it. */
export async function limitRate(
  app: FastifyInstance,
  service: string,
  { perMinute, redis, holder }: RateLimit,
  isExempt: (route: string | undefined) => boolean,
): Promise<void> {
  await app.register(rateLimit, {
    global: false,
    max: perMinute,
    timeWindow: MINUTE_MS,
    cache: CLIENTS_MAX,
    ...(redis && { redis, nameSpace: `orders:rate:${service}:` }),
    skipOnError: true,
    keyGenerator: (request) => holder(request) ?? normalizeIP(request.ip, IPV6_CLIENT_BITS),
    allowList: (request) => isExempt(request.routeOptions.url),
    errorResponseBuilder: (_, { ttl }) =>
      new RejectedError(429, 'rate_limited', `one client may send ${perMinute} requests a minute; try again later`, {
        retryAfterSeconds: Math.max(1, Math.ceil(ttl / 1_000)),
      }),
  })
  // For the whole server and before each route's own hooks, so that guessing tokens is counted too.
  app.addHook('onRequest', app.rateLimit())
}
