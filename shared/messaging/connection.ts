// Supervises one AMQP connection and restores it after every fault.
//
// connect → listeners → the owner's `open` (channels, topology, consumers) → up → lost → backoff → connect …
//
// Any fault of the connection or of one of its channels ends the session and starts the next. All faults take this one path, so
// it is exercised often. Unsettled messages are delivered or published again.
import { setTimeout as delay } from 'node:timers/promises'
import { type ChannelModel, connect } from 'amqplib'
import { deferred } from '../runtime/deferred.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { type AmqpTls, tlsAdvice } from './tls.ts'

export interface Session {
  model: ChannelModel
  /** Ends the session, so that the supervisor reconnects. Does nothing if it has ended already. */
  fail(reason: Error): void
  /** Like `fail`, for a fault that a new session may not repair. Does nothing while the session is young. */
  renew(reason: Error): void
}

interface Options {
  /** One URL for each host of a cluster. They are shuffled and tried in turn, so that services spread over the hosts. */
  urls: string[]
  /** For `amqps://`. */
  tls?: AmqpTls
  /** Shown in the management UI. */
  name: string
  /** Further client properties, also shown there. */
  properties?: Record<string, string>
  heartbeatSeconds: number
  log: Log
  open(session: Session): Promise<void>
  /** Called when the session is over, to drop everything that belonged to it. */
  lost(): void
  /** Called for a fault that reconnecting cannot repair, such as a queue with other arguments. */
  broken(error: BrokenError): void
}

const CONNECT_TIMEOUT_MS = 10_000
const CLOSE_TIMEOUT_MS = 2_000
/** `renew` ends only sessions at least this old. So a lasting fault does not cause a storm of connections. */
const RENEWED_AFTER_MS = 5_000
const BACKOFF_FIRST_MS = 200
const BACKOFF_MAX_MS = 10_000

/** Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter"), but at least half the first step. */
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

  /** Connects, lets the owner set up, and resolves with the reason why the session ended. */
  async function session(url: string): Promise<Error> {
    const ended = deferred<Error>()
    const fail = (error?: Error) => ended.resolve(error ?? new Error('closed'))
    const onStop = () => fail()
    // Connecting and setting up would hang if the peer is silent. So the end of the session ends them too.
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
      // If the abandoned attempt connects later, close it.
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
      // Logged once for each outage, not for each try.
      if (wasUp) log.warn({ connection: name, why: fault }, 'connection lost, reconnecting')
      else if (failures === 1) log.warn({ connection: name, why: fault }, 'broker not reachable, trying again')
      // Another host may be reachable. The pause grows only after all have been tried.
      await delay(backoffMs(Math.floor(failures / urls.length), Math.random()), undefined, {
        signal: stop.signal,
      }).catch(() => undefined)
    }
  }

  const running = run()
  return {
    /** `fault` is why the connection cannot be used now, for people. */
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

/** Measures the session's age from this call on. */
function renewing(fail: (reason: Error) => void): (reason: Error) => void {
  const connectedMs = performance.now()
  return (reason) => {
    if (performance.now() - connectedMs >= RENEWED_AFTER_MS) fail(reason)
  }
}

/** Closes a connection that is no longer used. Its later errors must not end the process. */
function abandon(model: ChannelModel): Promise<void> {
  model.on('error', () => undefined)
  return closeQuietly(model)
}

/** amqplib's `close` never settles if the peer is dead, so the wait is limited. */
async function closeQuietly(model: ChannelModel): Promise<void> {
  const limit = new AbortController()
  await Promise.race([
    model.close().catch(() => undefined),
    delay(CLOSE_TIMEOUT_MS, undefined, { signal: limit.signal, ref: true }).catch(() => undefined),
  ])
  limit.abort()
}

/** Why a connection failed or was lost, for people, with advice where known. */
function describe(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((inner) => asError(inner).message).join('; ')
  const advice = tlsAdvice(error)
  return advice === undefined ? error.message : `${error.message}: ${advice}`
}

/** The heartbeat is a query parameter of the URL (RabbitMQ "URI Query Parameters"). One that the URL has already wins. */
function withHeartbeat(url: string, seconds: number): string {
  if (/[?&]heartbeat=/.test(url)) return url
  return `${url}${url.includes('?') ? '&' : '?'}heartbeat=${seconds}`
}
