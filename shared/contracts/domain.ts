// The order domain as it is passed to the kernel.
import type { Domain } from './definition/domain.ts'
import { heard } from './heard.ts'
import { registry } from './registry.ts'
import { AuditHistory, AuditMarks } from './rpc.ts'
import { services } from './services.ts'
import { clusterTopology, topology } from './topology.ts'

export const orders: Domain = {
  services: services.map((noun) => `${noun}-service`),
  registry,
  topology,
  clusterTopology,
  heard,
  log: { marks: AuditMarks, history: AuditHistory },
}
