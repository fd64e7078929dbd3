// Prometheus metrics of one service, in a registry of its own.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry as Metered } from 'prom-client'
import type { HttpMetrics } from '../http/http.ts'
import {
  type Broker,
  countRetries,
  countRows,
  type GroupCommit,
  type Outbox,
  type Outcome,
  type Registry,
  type Taking,
} from '../messaging/index.ts'
import type { WatchedBreaker } from '../runtime/breaker.ts'
import type { Database } from '../storage/index.ts'

/** Metrics that a service reads from its own state. */
export interface OwnGauges {
  /** The label that separates the series of a gauge. It must have few values, none from input. */
  label: string
  gauges: readonly { name: string; help: string }[]
  /** For each label value, the values of the gauges in their order. Called at most every five seconds. */
  read(): Promise<readonly { label: string; values: readonly number[] }[]>
}

export interface Metrics extends HttpMetrics {
  observe(outcome: Outcome): void
  committed(members: number): void
  own(gauges: OwnGauges): void
}

export interface Watched {
  database: Database
  broker: Broker
  outbox: Outbox
  commit: GroupCommit
  takings: Taking[]
  breakers: WatchedBreaker[]
}

/**
 * How often the event loop's lag is measured. Each measurement wakes the process. The default of a hundred a second would be
 * most of what an idle process does.
 */
const LAG_EVERY_MS = 100

/** The database is asked at most this often, however often metrics are read. */
const COUNTED_EVERY_MS = 5_000

/** Returns the last result of `read`, and reads again once it is too old. Undefined while reading fails. */
function seldom<T>(elapsedMs: () => number, read: () => Promise<T>): () => Promise<T | undefined> {
  let latest: Promise<T | undefined> | undefined
  let readAtMs = 0
  return () => {
    if (!latest || elapsedMs() - readAtMs >= COUNTED_EVERY_MS) {
      readAtMs = elapsedMs()
      latest = read().catch(() => undefined)
    }
    return latest
  }
}

export function createMetrics(
  service: string,
  { contracts, rpcs }: Registry,
  watched: () => Watched | undefined,
  elapsedMs = () => performance.now(),
): Metrics {
  /** Limits label values to known types, so that a foreign message cannot create new series. */
  const known = (type: string) => (contracts.has(type) || rpcs.some((rpc) => rpc.type === type) ? type : 'other')
  const registry = new Metered()
  const registers = [registry]
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
  const handled = new Counter({
    name: 'messages_handled_total',
    help: 'Deliveries settled, by outcome.',
    labelNames: ['queue', 'type', 'outcome'],
    registers,
  })
  const handling = new Histogram({
    name: 'message_handling_seconds',
    help: 'Time from delivery to ack, with the outside call and the commit.',
    labelNames: ['queue'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const groups = new Histogram({
    name: 'group_commit_members',
    help: 'Messages and requests in one group commit.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  })
  const answers = new Histogram({
    name: 'http_request_seconds',
    help: 'Time of an HTTP request, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const counts = seldom(elapsedMs, async () => {
    const { database } = watched() ?? {}
    if (!database) return undefined
    const [rows, waiting] = await Promise.all([countRows(database), countRetries(database)])
    return { rows, waiting }
  })
  let requestsUnderWay = () => 0
  const gauge = (name: string, help: string, collect: (gauge: Gauge) => unknown, labelNames: string[] = []) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        await collect(this)
      },
    })
  const part = (name: string, help: string, read: (parts: Watched) => number) =>
    gauge(name, help, (one) => {
      const parts = watched()
      if (parts) one.set(read(parts))
    })
  part('broker_usable', '1 when messages can be published and consumed.', ({ broker }) =>
    broker.status().fault ? 0 : 1,
  )
  part(
    'broker_unconfirmed',
    'Publications that wait for a connection, a route or a confirm.',
    ({ broker }) => broker.status().unconfirmed,
  )
  part(
    'outbox_under_way',
    'Recorded messages in memory that the broker has not confirmed.',
    ({ outbox }) => outbox.pending().underWay,
  )
  part('wal_bytes', 'Size of SQLite’s write-ahead log; 0 for PostgreSQL.', ({ database }) => database.walBytes())
  part('commit_waiting', 'Messages and requests that wait for a group commit.', ({ commit }) => commit.waiting())
  const counted = (name: string, help: string, read: (parts: Watched) => number) =>
    new Counter({
      name,
      help,
      registers,
      collect() {
        const parts = watched()
        this.reset()
        if (parts) this.inc(read(parts))
      },
    })
  counted(
    'database_statements_total',
    'Database statements, with begin and commit.',
    ({ database }) => database.spent.statements,
  )
  counted(
    'database_round_trips_total',
    'Waits for the database server; 0 for SQLite.',
    ({ database }) => database.spent.roundTrips,
  )
  const byQueue = (name: string, help: string, read: (taking: Taking) => number) => {
    const collect = (one: Gauge) => {
      for (const taking of watched()?.takings ?? []) one.set({ queue: taking.queue }, read(taking))
    }
    gauge(name, help, collect, ['queue'])
  }
  byQueue('messages_under_way', 'Unsettled deliveries.', (taking) => taking.underWay())
  byQueue('unsettled_seconds', 'Age of the oldest unsettled delivery.', (taking) => taking.oldestMs() / 1_000)
  gauge('outbox_rows', 'Messages in the outbox table, of all copies.', async (one) => {
    const { rows } = (await counts()) ?? {}
    if (rows !== undefined) one.set(rows)
  })
  const oldestRetry = new Gauge({
    name: 'retries_oldest_seconds',
    help: 'How long the oldest waiting retry has waited.',
    labelNames: ['type'],
    registers,
  })
  const countWaiting = async (one: Gauge) => {
    const { waiting = [] } = (await counts()) ?? {}
    one.reset()
    oldestRetry.reset()
    for (const { type, count, oldest } of waiting) {
      one.inc({ type: known(type) }, Number(count))
      oldestRetry.set({ type: known(type) }, Math.max(0, (Date.now() - Date.parse(oldest)) / 1_000))
    }
  }
  gauge('retries_waiting', 'Messages and tasks that wait for their next attempt.', countWaiting, ['type'])
  const showBreakers = (one: Gauge) => {
    for (const { name, state } of watched()?.breakers ?? []) one.set({ breaker: name }, state() === 'closed' ? 0 : 1)
  }
  gauge('breaker_open', '1 while the circuit breaker of an outside system is open.', showBreakers, ['breaker'])
  gauge('http_requests_under_way', 'HTTP requests in progress.', (one) => one.set(requestsUnderWay()))
  return {
    observe({ queue, type, outcome, durationMs }) {
      handled.inc({ queue, type: known(type), outcome })
      handling.observe({ queue }, durationMs / 1000)
    },
    committed: (members) => groups.observe(members),
    answered: (route, method, status, durationMs) => answers.observe({ method, route, status }, durationMs / 1000),
    watchRequests(underWay) {
      requestsUnderWay = underWay
    },
    own({ label, gauges, read }) {
      const values = seldom(elapsedMs, read)
      for (const [index, { name, help }] of gauges.entries()) {
        const collect = async (shown: Gauge) => {
          const series = (await values()) ?? []
          shown.reset()
          for (const one of series) shown.set({ [label]: one.label }, one.values[index] ?? 0)
        }
        gauge(name, help, collect, [label])
      }
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
