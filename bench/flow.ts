// What the topology makes of one plain order: which queues of the bare choreography hear what, followed from the placement to the
// end. So the bare choreography is known to be the real one, or not to be.
import { topology } from '@orders/shared/contracts'
import { route } from '@orders/shared/testing'
import { consumedQueues, placement, reactionsOf } from './choreography.ts'

export interface Flow {
  publications: number
  /** By `queue type`, as in `order.queue payment.success`. */
  deliveries: Record<string, number>
}

export function plainFlow(): Flow {
  const deliveries: Record<string, number> = {}
  const published = [placement]
  for (const { exchange, routingKey, properties } of published) {
    const { type = '' } = properties
    const queues = [...route(topology, exchange, routingKey)].map(consumedFrom)
    for (const queue of queues.filter((one) => consumedQueues.includes(one))) {
      const delivery = `${queue} ${type}`
      deliveries[delivery] = (deliveries[delivery] ?? 0) + 1
      published.push(...(reactionsOf(queue).get(type) ?? []))
    }
  }
  return { publications: published.length, deliveries }
}

/** A timer's message comes back to its home. */
function consumedFrom(name: string): string {
  const queue = topology.queues.find((one) => one.name === name)
  const home = queue?.arguments['x-dead-letter-exchange'] === '' && queue.arguments['x-dead-letter-routing-key']
  return typeof home === 'string' ? home : name
}

/** What a system's deliveries an order differ in, a line for each; empty when they are those of the bare choreography. */
export function differences(found: Record<string, number>, flow: Flow = plainFlow()): string[] {
  const names = [...new Set([...Object.keys(flow.deliveries), ...Object.keys(found)])].sort()
  return names.flatMap((name) => {
    const [real, bare] = [found[name] ?? 0, flow.deliveries[name] ?? 0]
    return real === bare ? [] : [`${name}: ${real} deliveries an order, ${bare} in the bare choreography`]
  })
}
