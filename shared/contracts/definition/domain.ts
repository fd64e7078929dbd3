// What a domain passes to the kernel: its services, its contracts, its topology, and which queue hears what.
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
  /** By queue, the routing patterns of its bindings. Must match what its handlers hear. */
  heard: Readonly<Record<string, readonly string[]>>
  /** The RPC contracts of the service that keeps the audit log, if there is one. */
  log?: LogContracts
}
