// Runs a service: opens every part in order, and closes them in reverse.
//
// Stop: not ready → HTTP drains → consumers finish their deliveries → the last group commits → the outbox drains → the broker
// closes, then the database.
import { join } from 'node:path'
import type { Static, TObject } from 'typebox'
import { createAuth } from '../http/auth.ts'
import { createHttp, type HttpServer } from '../http/http.ts'
import { openCounts } from '../http/rate-limit.ts'
import {
  answeredFor,
  type Broker,
  type Consumer,
  consume,
  createGroupCommit,
  createOutage,
  createOutbox,
  type DueRetries,
  handleDue,
  heardBy,
  type Kernel,
  keepAll,
  keyOpener,
  keysConsumer,
  knownTo,
  lookForDropped,
  managementOf,
  type Outbox,
  openEpoch,
  openMaster,
  openPersonal,
  openRabbit,
  type Policies,
  readAmqpTls,
  serve,
  startErasing,
  type Taking,
  watchOverdue,
  watchPolicies,
} from '../messaging/index.ts'
import { startSweeper } from '../retention/sweeper.ts'
import { kernelsTables } from '../retention/tables.ts'
import type { CommonConfig } from '../runtime/config.ts'
import { asError, BrokenError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { openDatabase } from '../storage/index.ts'
import { watchBehind } from './behind.ts'
import { brokerOf, flushed } from './broker.ts'
import type { ServiceDefinition } from './definition.ts'
import { exporterOf } from './exporting.ts'
import { gatheringBy } from './gathering.ts'
import { isHealing } from './healing.ts'
import { checkHeard } from './heard.ts'
import { createParts, type Parts } from './lifecycle.ts'
import { createMetrics, type Watched } from './metrics.ts'
import { upToDate } from './opening.ts'
import { serveOperations } from './operations.ts'
import { faultsOf } from './readiness.ts'
import { oldestDays, removedBy, retentionGauges } from './retention.ts'
import { RETRY_TAGS, retryRoutes } from './retries.ts'
import { createWaiting } from './waiting.ts'

/** What tests replace. */
export interface Seams {
  log: Log
  now?: () => Date
  openBroker?: (name: string) => Broker
  /** True while `npm run generate` records the bindings, which may be out of date then. */
  isGenerating?: boolean
  /** Called for a fault that only a person can repair. The process should stop. */
  broken(error: BrokenError): void
}

export interface RunningService {
  /** `http://127.0.0.1:8080` */
  url: string
  /** By queue, the patterns that its handlers need bound. */
  heard: Record<string, string[]>
  /** Resolves once the broker is connected and the topology declared. */
  ready(): Promise<void>
  /** Removes expired rows now. Otherwise this happens once a day. */
  sweep(): Promise<void>
  close(): Promise<{ clean: boolean }>
}

export const VERSION = '0.1.0'

/**
 * Starts a service. Resolves when it accepts HTTP requests, whether or not the broker is reachable. `port` 0 picks a free port.
 * The caller closes it.
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
  const { name: service, domain, summary, tags, folder } = definition
  const { registry } = domain
  const { log, now = () => new Date() } = seams
  const auth = createAuth(config)
  let watched: Watched | undefined
  let stopping = false
  const metrics = createMetrics(service, registry, () => watched)

  const opened = await openDatabase(service, config.dataDir, config.databaseUrl)
  const stored = parts.use('database', opened, (it) => it.close())
  await upToDate(stored, folder, log)
  if (await isHealing(stored))
    throw new BrokenError('half_healed', `the database is half rebuilt: npm run heal -- --service ${service}`)
  const epoch = await openEpoch(stored)

  const sealing = { registry, master: openMaster(config, log), isSealing: config.encryptPersonal, log }
  const { vault, database, seal, show, crossing, open: opening } = await openPersonal({ database: stored, ...sealing })
  parts.use('keys', lookForDropped({ vault, database, log, now }), (it) => it.close())

  const tls = readAmqpTls(config)
  let policies: Policies | undefined
  let behind: ReturnType<typeof watchBehind> | undefined
  let offered: Outbox | undefined
  const connected = () => {
    offered?.tryRefused()
    policies?.look()
  }
  const openBroker =
    seams.openBroker ??
    ((name) =>
      openRabbit({ ...brokerOf(config, domain), owner: service, tls, name, log, connected, broken: seams.broken }))
  const broker = parts.use('broker', openBroker(service), (it) => it.close(config.shutdownMs / 4))
  const outbox = parts.use('outbox', createOutbox({ database, broker, log, now, origin: { service, epoch } }), (it) =>
    it.close(),
  )
  offered = outbox
  let due: DueRetries | undefined
  const rowDue = () => due?.wake()
  const commit = parts.use(
    'group commit',
    createGroupCommit({ database, outbox, service, registry, now, seal, committed: metrics.committed, rowDue }),
    (it) => it.close(),
  )
  parts.use('outbox flush', outbox, () => flushed(() => outbox.pending().underWay, broker))
  const outage = parts.use('outage', createOutage({ database, log, now }), async (it) => it.close())
  const takings: Taking[] = []
  watched = { database, broker, outbox, commit, takings, breakers: [] }
  await outbox.sweep()

  const { observe } = metrics
  const tables = { ...kernelsTables, ...definition.tables }
  const own = {
    service,
    version: VERSION,
    registry,
    log,
    now,
    open: opening,
    observe,
    oldestDays: oldestDays(tables, config),
  }
  const kernel: Kernel = { broker, database, commit, outage, ...own }
  const openKey = keyOpener(vault, database, commit, now)
  const gather = gatheringBy({ broker, services: domain.services, crossing, openKey })
  // A stand-in for RabbitMQ has no management API, unless a test gives its address.
  const isStandIn = seams.openBroker !== undefined && config.managementUrl === undefined
  const management = isStandIn ? undefined : managementOf(config.amqpUrl, config.managementUrl)
  const personal = { openKey, show, crossing, gather }
  const wiring = { config, database, broker, management, commit, ...personal, auth, parts, log, now }
  const wired = await definition.wire(wiring)
  const { keyHandlers: handlers, forget } = wired
  const ofKeys = keysConsumer({ service, registry, vault, crossing, handlers, forget })
  const wanted = [...wired.consumers, ofKeys]
  watched.breakers.push(...(wired.breakers ?? []))
  for (const gauges of wired.gauges ?? []) metrics.own(gauges)
  const heard = heardBy(registry, wanted)
  if (!seams.isGenerating) checkHeard(domain, heard)
  const unlimited = new Set(
    brokerOf(config, domain).topology.queues.flatMap(({ name, arguments: settings }) =>
      'x-delivery-limit' in settings ? [] : [name],
    ),
  )
  const consumers: Consumer[] = []
  for (const options of wanted) {
    const countsRedeliveries = unlimited.has(options.queue)
    consumers.push(parts.use(options.queue, consume(kernel, { countsRedeliveries, ...options }), (it) => it.close()))
  }
  takings.push(...consumers)
  due = parts.use('retries', handleDue(kernel, consumers, knownTo(registry, wanted), config.retryLookMs), (it) =>
    it.close(),
  )
  const erasing = { service, database: stored, commit, vault, log, now }
  parts.use('erasing', startErasing(erasing, config.retryLookMs), (it) => it.close())
  for (const timers of wired.timers ?? []) parts.use(timers.name, watchOverdue(kernel, timers), (it) => it.close())
  const faults = async () => [
    ...(stopping ? ['stopping'] : []),
    ...(await faultsOf(kernel, outbox, takings)),
    ...(policies?.faults() ?? []),
    ...[behind?.fault() ?? [], vault.fault() ?? []].flat(),
  ]
  const { rpc, keeping = [] } = wired
  if (rpc) takings.push(parts.use(rpc.queue, serve(kernel, rpc.queue, rpc.prefetch, rpc.answerers), (it) => it.close()))
  // The service that keeps the log does not ask itself.
  const asked = domain.log?.marks.queue === rpc?.queue ? undefined : domain.log
  behind =
    asked &&
    parts.use('high-water mark', watchBehind({ service, contracts: asked, broker, database, log }), (it) => it.close())
  const waiting = createWaiting({ commit, database, now, wake: rowDue })
  const exporting = exporterOf({ database, show, crossing, holdings: { ...definition.holdings, ...wired.holdings } })
  const operations = serveOperations(kernel, { ...wired, waiting, breakers: watched.breakers, faults, exporting })
  takings.push(parts.use(operations.queue, operations, (it) => it.close()))
  if (management) {
    const consumed = takings.map(({ queue }) => queue)
    const watching = watchPolicies({
      management,
      queues: answeredFor(brokerOf(config, domain).topology, consumed),
      log,
    })
    policies = parts.use('policies', watching, (it) => it.close())
  }
  const sweeping = { database: stored, tables, settings: config, removedBy: removedBy(broker), log, now }
  const sweeper = parts.use('sweeper', startSweeper(sweeping), (it) => it.close())
  metrics.own(retentionGauges(stored, tables, now))
  // The owners of these queues check their policies.
  for (const one of keeping.flatMap((kept) => keepAll(kernel, kept)))
    takings.push(parts.use(one.queue, one, (it) => it.close()))

  const { rateLimitPerMinute: perMinute, trustProxy } = config
  const redis = perMinute === undefined ? undefined : await openCounts(config.redisUrl, log)
  if (redis) parts.use('redis', redis, (it) => it.disconnect())
  const app = await createHttp({
    service,
    version: VERSION,
    summary,
    tags: { ...tags, ...RETRY_TAGS },
    examples: join(folder, 'examples.json'),
    log,
    metrics,
    faults,
    limits: { requestsMax: config.httpRequestsMax, connectionsMax: config.httpConnectionsMax },
    rateLimit: perMinute === undefined ? undefined : { perMinute, redis, holder: auth.holder },
    trustProxy,
  })
  parts.use('http', app, (it) => it.close())
  await app.register(async (routes: HttpServer) => wired.routes(routes))
  await app.register(async (routes: HttpServer) => retryRoutes(routes, auth, waiting))
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
    async sweep() {
      await sweeper.now()
      await wired.sweep?.()
    },
    close() {
      stopping = true
      return parts.close(config.shutdownMs)
    },
  }
}
