// Prometheus metrics of one service, in a registry of its own.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Broker, Consumer, GroupCommit, Outbox, Outcome } from '../messaging/index.ts'
import type { Database } from '../storage/index.ts'

export interface Metrics {
  observe(outcome: Outcome): void
  committed(members: number): void
  answered(route: string, method: string, status: number, durationMs: number): void
  /** Where to read how many HTTP requests are being worked on. */
  watchRequests(underWay: () => number): void
  text(): Promise<string>
  contentType: string
}

export interface Watched {
  database: Database
  broker: Broker
  outbox: Outbox
  commit: GroupCommit
  consumers: Consumer[]
}

/** Each look at the event loop's lag wakes the process: by default a hundred times a second, most of what an idle one does. */
const LAG_EVERY_MS = 100

export function createMetrics(service: string, watched: () => Watched | undefined): Metrics {
  const registry = new Registry()
  const registers = [registry]
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LAG_EVERY_MS })
  const handled = new Counter({
    name: 'messages_handled_total',
    help: 'Deliveries settled, by how it ended.',
    labelNames: ['queue', 'type', 'outcome'],
    registers,
  })
  const handling = new Histogram({
    name: 'message_handling_seconds',
    help: 'From delivery to ack, the call outside and the commit included.',
    labelNames: ['queue'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  const groups = new Histogram({
    name: 'group_commit_members',
    help: 'Messages and requests that shared one transaction.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128],
    registers,
  })
  const answers = new Histogram({
    name: 'http_request_seconds',
    help: 'HTTP requests by route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    registers,
  })
  let requestsUnderWay = () => 0
  const gauge = (name: string, help: string, read: (parts: Watched) => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        const parts = watched()
        if (parts) this.set(read(parts))
      },
    })
  gauge('broker_usable', '1 when messages can be published and consumed.', ({ broker }) =>
    broker.status().fault ? 0 : 1,
  )
  gauge('broker_unconfirmed', 'Publications waiting for the broker.', ({ broker }) => broker.status().unconfirmed)
  gauge(
    'outbox_under_way',
    'Recorded messages not yet confirmed, in memory.',
    ({ outbox }) => outbox.pending().underWay,
  )
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
    'Statements, begin and commit included.',
    ({ database }) => database.spent.statements,
  )
  counted(
    'database_round_trips_total',
    'Times that somebody waited for the database server; 0 for SQLite.',
    ({ database }) => database.spent.roundTrips,
  )
  gauge('commit_waiting', 'Messages and requests waiting for the next group.', ({ commit }) => commit.waiting())
  new Gauge({
    name: 'messages_under_way',
    help: 'Deliveries taken and not settled yet.',
    labelNames: ['queue'],
    registers,
    collect() {
      for (const consumer of watched()?.consumers ?? []) this.set({ queue: consumer.queue }, consumer.underWay())
    },
  })
  new Gauge({
    name: 'http_requests_under_way',
    help: 'HTTP requests that are being worked on.',
    registers,
    collect() {
      this.set(requestsUnderWay())
    },
  })
  return {
    observe({ queue, type, outcome, durationMs }) {
      handled.inc({ queue, type, outcome })
      handling.observe({ queue }, durationMs / 1000)
    },
    committed: (members) => groups.observe(members),
    answered: (route, method, status, durationMs) => answers.observe({ method, route, status }, durationMs / 1000),
    watchRequests(underWay) {
      requestsUnderWay = underWay
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  }
}
