// Limits how often one client may ask. Requests are counted in memory, or in Redis for all copies of a service together.
import rateLimit, { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { CommonConfig } from '../runtime/config.ts'
import { RejectedError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

export interface RateLimit {
  perMinute: number
  /** Shares the counts between all copies of the service. Without it each process counts by itself. */
  redis: Redis | undefined
  /** The holder of the valid token in a request. */
  holder(request: FastifyRequest): string | undefined
}

const MINUTE_MS = 60_000
/** A client's count is dropped when this many other clients have come since. */
const CLIENTS_MAX = 10_000
const IPV6_CLIENT_BITS = 64
/** If Redis does not answer, the request must not wait. */
const REDIS_TIMEOUT_MS = 250
const REDIS_PAUSE_MAX_MS = 5_000

/** Connects in the background and reconnects for ever. The caller calls `disconnect`. */
export async function openCounts(url: CommonConfig['redisUrl'], log: Log): Promise<Redis | undefined> {
  if (url === undefined) return undefined
  // Imported only when used, since loading it takes time.
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    connectTimeout: 5_000,
    commandTimeout: REDIS_TIMEOUT_MS,
    // A late count is worthless. Without Redis, counting fails at once and the request is admitted.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: (times) => Math.min(REDIS_PAUSE_MAX_MS, 100 * 2 ** Math.min(times, 10)),
  })
  let isAway = false
  redis.on('error', (error: Error) => {
    // Logged once for each outage, not for each try.
    if (!isAway) log.warn({ why: error.message }, 'redis is not reachable: there is no rate limit')
    isAway = true
  })
  redis.on('ready', () => {
    if (isAway) log.info({}, 'redis is back')
    isAway = false
  })
  return redis
}

/** Counts every request of a client, whatever its answer, except on routes for which `isExempt` returns true. */
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
