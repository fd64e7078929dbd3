// What the consumers of a service share, and what each of them is told.

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
  /** How a body becomes a message, what is sealed in it opened; by default nothing is. */
  open?: ((delivery: Arrived) => Promise<Received>) | undefined
  /** What is older in days, by its own time, is taken from no queue: what it was about may be removed. By default nothing is too old. */
  oldestDays?: number | undefined
  /** Told of every outcome, for metrics. */
  observe?: (outcome: Outcome) => void
}

export interface ConsumerOptions {
  queue: string
  /** Unsettled deliveries at one time: the bound of this consumer's memory, and the most a group can gather. */
  prefetch: number
  handlers: Handler[]
  /** The routing patterns of its bindings; by default the types of its handlers. */
  patterns?: readonly string[]
  /** How a body becomes a message; by default the full decoding against its contract, with what is sealed opened. */
  decode?: (delivery: Arrived) => Received | Promise<Received>
  askTimeoutMs?: number
  /** Types that an earlier version heard: what waits of them is settled, and nothing happens. */
  retired?: readonly string[]
  /** The queue has no delivery limit, so what is delivered again is counted here. */
  countsRedeliveries?: boolean
  /** The level of the line for what went well; `debug` where it only mirrors what others said. Default `info`. */
  logLevel?: 'info' | 'debug'
}

/** Begins an observation, and gives what ends it. */
export function observing({ observe }: Kernel, queue: string, type: string): (outcome: Outcome['outcome']) => void {
  const started = performance.now()
  return (outcome) => observe?.({ queue, type, outcome, durationMs: performance.now() - started })
}
