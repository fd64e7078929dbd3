// What makes a process of a service: every part opened in order, and closed in reverse.
//
// Stop: not ready → HTTP drains → consumers finish what they hold → the last group commits → the outbox drains → the
// broker, then the database, closes.
import { join } from 'node:path'
import type { Static, TObject } from 'typebox'
import type { Domain } from '../contracts/definition/domain.ts'
import { type Auth, createAuth } from '../http/auth.ts'
import { createHttp, type HttpServer } from '../http/http.ts'
import { openCounts } from '../http/rate-limit.ts'
import {
  type Answerer,
  answeredFor,
  type Broker,
  brokerUrls,
  type Consumer,
  type ConsumerOptions,
  consume,
  createGroupCommit,
  createOutage,
  createOutbox,
  type DueRetries,
  type GroupCommit,
  handleDue,
  heardBy,
  type Kernel,
  knownTo,
  managementOf,
  openRabbit,
  type Policies,
  readAmqpTls,
  serve,
  type Taking,
  type Timers,
  watchOverdue,
  watchPolicies,
} from '../messaging/index.ts'
import type { WatchedBreaker } from '../runtime/breaker.ts'
import type { CommonConfig } from '../runtime/config.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { type Database, migrate, openDatabase } from '../storage/index.ts'
import { createParts, type Parts } from './lifecycle.ts'
import { createMetrics, type OwnGauges, type Watched } from './metrics.ts'
import { faultsOf } from './readiness.ts'
import { retryRoutes } from './retries.ts'

/** What a service's own wiring gets. */
export interface Wiring<Config> {
  config: Config
  database: Database
  broker: Broker
  commit: GroupCommit
  auth: Auth
  parts: Parts
  log: Log
  now: () => Date
}

/** What a service's own wiring gives: what it hears, what it answers, what people may ask. */
export interface Wired {
  consumers: ConsumerOptions[]
  rpc?: { queue: string; prefetch: number; answerers: Answerer[] }
  /** Those before its outside systems: shown as metrics. */
  breakers?: WatchedBreaker[]
  /** What it tells of its own state: shown as metrics too. */
  gauges?: OwnGauges[]
  /** Those it sets itself by the broker, and looks after in its own tables. */
  timers?: Timers[]
  routes(app: HttpServer): Promise<void> | void
}

export interface ServiceDefinition<Schema extends TObject = TObject> {
  /** One of the domain's services; also the CloudEvents source and the name of its database. */
  name: string
  domain: Domain
  summary: string
  /** Its folder, which holds `migrations/`. */
  folder: string
  config: Schema
  /**
   * Nobody waits for its answers: where the processors of a host are busy, it leaves them to those that somebody waits for
   * (nice(2), 0 to 19; default 0).
   */
  niceness?: number
  wire(wiring: Wiring<Readonly<Static<Schema>>>): Promise<Wired> | Wired
}

/** What tests replace. */
export interface Seams {
  log: Log
  now?: () => Date
  openBroker?: (name: string) => Broker
  /** What is heard is being written down, and need not be so yet. */
  isGenerating?: boolean
  /** A fault that only a human can mend; the process should stop. */
  broken(error: BrokenError): void
}

export interface RunningService {
  /** `http://127.0.0.1:8080` */
  url: string
  /** By queue, the patterns that its handlers want it bound with. */
  heard: Record<string, string[]>
  /** Resolves once broker and topology are there too. */
  ready(): Promise<void>
  close(): Promise<{ clean: boolean }>
}

export const VERSION = '0.1.0'
const OUTBOX_MIGRATIONS = join(import.meta.dirname, '..', 'storage', 'migrations')

/**
 * Starts a service and resolves when it takes HTTP requests, whether or not the broker is there yet. `port` 0 takes a
 * free one. The caller closes it.
 */
export async function startService<Schema extends TObject>(
  definition: ServiceDefinition<Schema>,
  config: Readonly<Static<Schema>> & CommonConfig,
  seams: Seams,
): Promise<RunningService> {
  const parts = createParts(seams.log)
  try {
    return await open(definition, config, seams, parts)
  } catch (error) {
    await parts.close(config.shutdownMs)
    throw error
  }
}

async function open<Schema extends TObject>(
  definition: ServiceDefinition<Schema>,
  config: Readonly<Static<Schema>> & CommonConfig,
  seams: Seams,
  parts: Parts,
): Promise<RunningService> {
  const { name: service, domain, summary, folder } = definition
  const { registry } = domain
  const { log, now = () => new Date() } = seams
  const auth = createAuth(config)
  let watched: Watched | undefined
  let stopping = false
  const metrics = createMetrics(service, registry, () => watched)

  const opened = await openDatabase(service, config.dataDir, config.databaseUrl)
  const database = parts.use('database', opened, (it) => it.close())
  const applied = await migrate(database, [OUTBOX_MIGRATIONS, join(folder, 'migrations')], () =>
    log.warn('waiting for another process that holds the database, a copy that brings it up to date perhaps'),
  )
  if (applied.length > 0) log.info({ migrations: applied }, 'database brought up to date')

  const tls = readAmqpTls(config)
  let policies: Policies | undefined
  const connected = () => void policies?.look()
  const openBroker =
    seams.openBroker ??
    ((name) =>
      openRabbit({ ...brokerOf(config, domain), owner: service, tls, name, log, connected, broken: seams.broken }))
  const broker = parts.use('broker', openBroker(service), (it) => it.close(config.shutdownMs / 4))
  const outbox = parts.use('outbox', createOutbox({ database, broker, log, now }), (it) => it.close())
  let due: DueRetries | undefined
  const taskDue = () => due?.wake()
  const commit = parts.use(
    'group commit',
    createGroupCommit({ database, outbox, service, registry, now, committed: metrics.committed, taskDue }),
    (it) => it.close(),
  )
  parts.use('outbox flush', outbox, () => flushed(() => outbox.pending().underWay, broker))
  const outage = parts.use('outage', createOutage({ database, log, now }), async (it) => it.close())
  const takings: Taking[] = []
  watched = { database, broker, outbox, commit, takings, breakers: [] }
  await outbox.sweep()

  const { observe } = metrics
  const kernel: Kernel = { service, version: VERSION, broker, database, commit, outage, registry, log, now, observe }
  const wired = await definition.wire({ config, database, broker, commit, auth, parts, log, now })
  watched.breakers.push(...(wired.breakers ?? []))
  for (const gauges of wired.gauges ?? []) metrics.own(gauges)
  const heard = heardBy(registry, wired.consumers)
  if (!seams.isGenerating) checkHeard(domain, heard)
  const unlimited = new Set(
    brokerOf(config, domain).topology.queues.flatMap(({ name, arguments: settings }) =>
      'x-delivery-limit' in settings ? [] : [name],
    ),
  )
  const consumers: Consumer[] = []
  for (const options of wired.consumers) {
    const countsRedeliveries = unlimited.has(options.queue)
    consumers.push(parts.use(options.queue, consume(kernel, { countsRedeliveries, ...options }), (it) => it.close()))
  }
  takings.push(...consumers)
  due = parts.use(
    'retries',
    handleDue(kernel, consumers, knownTo(registry, wired.consumers), config.retryLookMs),
    (it) => it.close(),
  )
  for (const timers of wired.timers ?? []) parts.use(timers.name, watchOverdue(kernel, timers), (it) => it.close())
  const { rpc } = wired
  if (rpc) takings.push(parts.use(rpc.queue, serve(kernel, rpc.queue, rpc.prefetch, rpc.answerers), (it) => it.close()))
  const management = seams.openBroker ? undefined : managementOf(config.amqpUrl, config.managementUrl)
  if (management) {
    const consumed = takings.map(({ queue }) => queue)
    const watching = watchPolicies({
      management,
      queues: answeredFor(brokerOf(config, domain).topology, consumed),
      log,
    })
    policies = parts.use('policies', watching, (it) => it.close())
  }

  const faults = async () => [
    ...(stopping ? ['stopping'] : []),
    ...(await faultsOf(kernel, outbox, takings)),
    ...(policies?.faults() ?? []),
  ]
  const { rateLimitPerMinute: perMinute, trustProxy } = config
  const redis = perMinute === undefined ? undefined : await openCounts(config.redisUrl, log)
  if (redis) parts.use('redis', redis, (it) => it.disconnect())
  const app = await createHttp({
    service,
    version: VERSION,
    summary,
    log,
    metrics,
    faults,
    limits: { requestsMax: config.httpRequestsMax, connectionsMax: config.httpConnectionsMax },
    rateLimit: perMinute === undefined ? undefined : { perMinute, redis, holder: auth.holder },
    trustProxy,
  })
  parts.use('http', app, (it) => it.close())
  await app.register(async (routes: HttpServer) => wired.routes(routes))
  await app.register(async (routes: HttpServer) => retryRoutes(routes, { auth, commit, database, now, wake: taskDue }))
  const port = config.port ?? (config.portBase === 0 ? 0 : config.portBase + domain.services.indexOf(service))
  const address = await app.listen({ host: config.host, port }).catch((error: unknown) => {
    throw new BrokenError(
      'cannot_listen',
      `cannot listen on ${config.host}:${port}: ${asError(error).message}. Set PORT_BASE or PORT.`,
    )
  })
  log.info({ url: address }, `${service} listens`)

  return {
    url: address,
    heard,
    ready: () => broker.ready(),
    close() {
      stopping = true
      return parts.close(config.shutdownMs)
    },
  }
}

function brokerOf(
  { amqpUrl: url, brokerCluster: isCluster = brokerUrls(url).length > 1 }: CommonConfig,
  { clusterTopology, topology }: Domain,
) {
  return { url, isCluster, topology: isCluster ? clusterTopology : topology }
}

/** @throws BrokenError `heard_out_of_date` when the domain was told otherwise of what the handlers hear */
function checkHeard({ heard }: Domain, own: Record<string, string[]>): void {
  const wrong = Object.entries(own).filter(([queue, patterns]) => String(heard[queue]) !== String(patterns))
  if (wrong.length === 0) return
  const queues = wrong.map(([queue]) => queue).join(', ')
  throw new BrokenError(
    'heard_out_of_date',
    `the bindings of ${queues} are not what its handlers hear: npm run generate`,
  )
}

/** Waits for the last confirms; without a broker there is nothing to wait for, the rows are safe in the table. */
async function flushed(underWay: () => number, broker: Broker): Promise<void> {
  while (underWay() > 0 && broker.status().fault === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
}
