// What waits in the queues of a running broker, read by today's contracts.
//
// A message can only be looked at by taking it: it goes back to its place when the channel closes, counts as delivered once more (of 50, then
// the broker gives up on it), and is marked as redelivered. So only queues without a consumer are looked at, whose messages nobody
// else would read meanwhile, and a set number of each.
import type { Registry, Topology } from '@orders/shared/messaging'
import { connect } from 'amqplib'
import { type Break, ownerOf, unreadableWhy } from './check.ts'

export interface Waiting {
  breaks: Break[]
  /** One line for each queue, for people. */
  looked: string[]
}

/** @throws Error when the broker cannot be reached */
export async function lookAtWaiting(
  url: string,
  topology: Topology,
  registry: Registry,
  most: number,
): Promise<Waiting> {
  const connection = await connect(url)
  // Without a listener, an error of the connection would end the process.
  connection.on('error', () => undefined)
  try {
    const waiting: Waiting = { breaks: [], looked: [] }
    for (const { name } of topology.queues.filter(({ name: queue }) => isRead(queue))) {
      // A queue that is not there closes its channel.
      const channel = await connection.createChannel()
      channel.on('error', () => undefined)
      const found = await channel.checkQueue(name).catch(() => undefined)
      if (!found) {
        waiting.looked.push(`${name} does not exist`)
        continue
      }
      if (found.consumerCount > 0 && found.messageCount > 0)
        waiting.looked.push(`${name}: ${found.messageCount} messages wait for its consumer; not read`)
      else if (found.messageCount > 0) {
        const count = Math.min(found.messageCount, most)
        waiting.looked.push(`${name}: read ${count} of ${found.messageCount} messages and returned them`)
        for (let index = 0; index < count; index++) {
          const message = await channel.get(name)
          if (message === false) break
          const why = unreadableWhy(registry, message.content)
          const contract = String(message.properties.type ?? 'unknown')
          const field = String(message.properties.messageId ?? '')
          if (why !== undefined)
            waiting.breaks.push({ reader: `${ownerOf(name)} (today's)`, queue: name, contract, field, why })
        }
      }
      // Nothing was acked: the broker puts all of it back.
      await channel.close()
    }
    return waiting
  } finally {
    await connection.close()
  }
}

/** Those that hold what a service reads as a contract: dead letters are the audit's, and questions expire. */
function isRead(queue: string): boolean {
  return !queue.endsWith('.dlq') && !queue.endsWith('.rpc.queue') && !['audit.queue', 'unrouted.queue'].includes(queue)
}
