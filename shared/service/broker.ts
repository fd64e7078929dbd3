// The broker of a service: its address and topology, and the flush at a stop.
import type { Domain } from '../contracts/definition/domain.ts'
import { type Broker, brokerUrls } from '../messaging/index.ts'
import type { CommonConfig } from '../runtime/config.ts'

export function brokerOf(
  { amqpUrl: url, brokerCluster: isCluster = brokerUrls(url).length > 1 }: CommonConfig,
  { clusterTopology, topology }: Domain,
) {
  return { url, isCluster, topology: isCluster ? clusterTopology : topology }
}

/** Waits for the last confirms. Without a broker it does not wait, since the rows are safe in the table. */
export async function flushed(underWay: () => number, broker: Broker): Promise<void> {
  while (underWay() > 0 && broker.status().fault === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
}
