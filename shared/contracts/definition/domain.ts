// What a domain gives to the kernel, which knows none: its services, its contracts, its queues, and who hears what.
import type { Topology } from '../../topology/queues.ts'
import type { LogContracts } from './log.ts'
import type { Registry } from './registry.ts'

export interface Domain {
  /** In the order of their ports. */
  services: readonly string[]
  registry: Registry
  topology: Topology
  /** The same names on a RabbitMQ cluster, where every queue is replicated. */
  clusterTopology: Topology
  /** By queue, the routing patterns it is bound with: held to what the handlers are made for. */
  heard: Readonly<Record<string, readonly string[]>>
  /** How whoever keeps all events is asked, where somebody does. */
  log?: LogContracts
}
