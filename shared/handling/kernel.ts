// What all consumers of a service share (`Kernel`), and what configures each of them (`ConsumerOptions`).

import type { GroupCommit } from '../commit/group-commit.ts'
import type { Received } from '../contracts/definition/contract.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import type { Broker } from '../messaging/broker.ts'
import type { Arrived } from '../messaging/publishable.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'
import type { Handler } from './handler.ts'
import type { Outage } from './outage.ts'

export interface Outcome {
  queue: string
  type: string
  outcome: 'handled' | 'retry' | 'gave_up' | 'dead_letter'
  durationMs: number
}

export interface Kernel {
  service: string
  version: string
  broker: Broker
  database: Database
  commit: GroupCommit
  outage: Outage
  registry: Registry
  log: Log
  now: () => Date
  /** Decodes a body into a message and decrypts its encrypted fields. By default nothing is decrypted. */
  open?: ((delivery: Arrived) => Promise<Received>) | undefined
  /**
   * Maximum age of a message in days, by its own time. Data about an older message may be removed already, so it becomes a dead
   * letter. No limit by default.
   */
  oldestDays?: number | undefined
  /** Called with every outcome, for metrics. */
  observe?: (outcome: Outcome) => void
}

export interface ConsumerOptions {
  queue: string
  /** Maximum of unsettled deliveries. Limits this consumer's memory and how many of its deliveries a group can have. */
  prefetch: number
  handlers: Handler[]
  /** Routing patterns of its bindings; by default the types of its handlers. */
  patterns?: readonly string[]
  /** Decodes a body into a message. By default validates it against its contract and decrypts its encrypted fields. */
  decode?: (delivery: Arrived) => Received | Promise<Received>
  askTimeoutMs?: number
  /** Types that only an earlier version heard. Their deliveries are acked without effect. */
  retired?: readonly string[]
  /** True if the queue has no delivery limit: then the service counts redeliveries itself. */
  countsRedeliveries?: boolean
  /** Log level for successes; `debug` if they only mirror what other services logged. Default `info`. */
  logLevel?: 'info' | 'debug'
}

/** Starts to measure a delivery. The returned function reports its outcome. */
export function observing({ observe }: Kernel, queue: string, type: string): (outcome: Outcome['outcome']) => void {
  const started = performance.now()
  return (outcome) => observe?.({ queue, type, outcome, durationMs: performance.now() - started })
}
