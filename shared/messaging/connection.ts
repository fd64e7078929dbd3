// The supervisor of one AMQP connection: it comes back by itself, whatever was lost, always by the same way.
//
// connect → listeners → the owner's `open` (channels, topology, consumers) → up → lost → backoff → connect …
//
// Any fault of the connection or of one of its channels ends the session and starts the next. One path for every fault
// is a path that is exercised often; messages that were under way are delivered or published again.
import { setTimeout as delay } from 'node:timers/promises'
import { type ChannelModel, connect } from 'amqplib'
import { deferred } from '../runtime/deferred.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { type AmqpTls, tlsAdvice } from './tls.ts'

export interface Session {
  model: ChannelModel
  /** Ends the session: the supervisor reconnects. Harmless when it has ended already. */
  fail(reason: Error): void
  /** The same for a fault that a new session may or may not mend: one that is young is left to try on. */
  renew(reason: Error): void
}

interface Options {
  /** One URL for each host of a cluster, tried in turn from any of them, so that services spread over the hosts. */
  urls: string[]
  /** For `amqps://`. */
  tls?: AmqpTls
  /** Shown in the management UI. */
  name: string
  /** What else the connection says of itself there. */
  properties?: Record<string, string>
  heartbeatSeconds: number
  log: Log
  open(session: Session): Promise<void>
  /** The session is over: drop everything that belonged to it. */
  lost(): void
  /** A fault that reconnecting cannot mend, such as a queue with other arguments. */
  broken(error: BrokenError): void
}

const CONNECT_TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 2_000
/** Sessions that are renewed last this long, so that a fault which stays does not become a storm of connections. */
const RENEWED_AFTER_MS = 5_000
const BACKOFF_FIRST_MS = 200
const BACKOFF_MAX_MS = 10_000

/** Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), never less than half the first step. */
export function backoffMs(attempt: number, random: number): number {
  const ceiling = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** attempt)
  return Math.max(BACKOFF_FIRST_MS / 2, Math.round(ceiling * random))
}

export function supervise(options: Options) {
  const { name, log } = options
  const urls = shuffled(options.urls)
  const stop = new AbortController()
  const opened = deferred()
  let fault: string | undefined = 'connecting'
  let blocked: string | undefined

  /** Connects, lets the owner set up, and returns why it ended. */
  async function session(url: string): Promise<Error> {
    const ended = deferred<Error>()
    const fail = (error?: Error) => ended.resolve(error ?? new Error('closed'))
    const onStop = () => fail()
    // Connecting and setting up hang when the peer says nothing: whatever ends the session ends them as well.
    const gone = ended.promise.then((error): Promise<never> => Promise.reject(error))
    stop.signal.addEventListener('abort', onStop)
    try {
      const model = await connected(url, gone)
      try {
        listen(model, fail)
        await Promise.race([options.open({ model, fail, renew: renewing(fail) }), gone])
        fault = undefined
        opened.resolve()
        log.info({ connection: name }, 'connected')
        return await ended.promise
      } finally {
        blocked = undefined
        options.lost()
        await closeQuietly(model)
      }
    } finally {
      stop.signal.removeEventListener('abort', onStop)
    }
  }

  async function connected(url: string, gone: Promise<never>): Promise<ChannelModel> {
    const connecting = connect(withHeartbeat(url, options.heartbeatSeconds), {
      ...options.tls,
      timeout: CONNECT_TIMEOUT_MS,
      noDelay: true,
      keepAlive: true,
      clientProperties: { ...options.properties, connection_name: name },
    })
    try {
      return await Promise.race([connecting, gone])
    } catch (error) {
      // One that comes up all the same is wanted by nobody.
      connecting.then(abandon, () => undefined)
      throw error
    }
  }

  function listen(model: ChannelModel, fail: (error?: Error) => void): void {
    model.on('error', fail)
    model.on('close', fail)
    model.on('handler-error', fail)
    model.on('blocked', (why) => {
      blocked = why
      log.warn({ connection: name, why }, 'broker blocked the connection')
    })
    model.on('unblocked', () => {
      blocked = undefined
      log.info({ connection: name }, 'broker unblocked the connection')
    })
  }

  async function run(): Promise<void> {
    for (let turn = 0, failures = 0; !stop.signal.aborted; turn++) {
      const ended = await session(urls[turn % urls.length] ?? '').catch(asError)
      if (stop.signal.aborted) return
      if (ended instanceof BrokenError) {
        fault = ended.message
        return options.broken(ended)
      }
      const wasUp = fault === undefined
      failures = wasUp ? 0 : failures + 1
      fault = describe(ended)
      // Said once for each outage, not once for each try.
      if (wasUp) log.warn({ connection: name, why: fault }, 'connection lost, reconnecting')
      else if (failures === 1) log.warn({ connection: name, why: fault }, 'broker not reachable, trying again')
      // Another host may well be there: only when all have been tried the pause grows.
      await delay(backoffMs(Math.floor(failures / urls.length), Math.random()), undefined, {
        signal: stop.signal,
      }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    /** `fault` is why it cannot be used now, for people. */
    status: () => ({
      fault: fault ?? (blocked && `blocked by the broker: ${blocked}`),
      blocked: blocked !== undefined,
    }),
    ready: () => opened.promise,
    async close(): Promise<void> {
      stop.abort()
      await running
      fault = 'closed'
    },
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

/** From the moment of connecting on. */
function renewing(fail: (reason: Error) => void): (reason: Error) => void {
  const connectedMs = performance.now()
  return (reason) => {
    if (performance.now() - connectedMs >= RENEWED_AFTER_MS) fail(reason)
  }
}

/** A connection that nobody wants any more: whatever it still says of its end must not end the process. */
function abandon(model: ChannelModel): Promise<void> {
  model.on('error', () => undefined)
  return closeQuietly(model)
}

/** amqplib's close never settles when the peer is dead. */
async function closeQuietly(model: ChannelModel): Promise<void> {
  const limit = new AbortController()
  await Promise.race([
    model.close().catch(() => undefined),
    delay(CLOSE_TIMEOUT_MS, undefined, { signal: limit.signal, ref: true }).catch(() => undefined),
  ])
  limit.abort()
}

/** Why a connection could not be made or was lost, for people, and what to do where that is known. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((inner) => asError(inner).message).join('; ')
  const advice = tlsAdvice(error)
  return advice === undefined ? error.message : `${error.message}: ${advice}`
}

/** The heartbeat is a query parameter of the URL (RabbitMQ "URI Query Parameters"); one that is there already wins. */
function withHeartbeat(url: string, seconds: number): string {
  if (/[?&]heartbeat=/.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}heartbeat=${seconds}`
}
