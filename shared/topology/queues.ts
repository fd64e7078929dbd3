// The kinds of exchange, queue and binding that a topology is made of, as plain data.
import { createHash } from 'node:crypto'

export interface Exchange {
  name: string
  type: 'topic' | 'fanout' | 'direct'
  /** Where a message goes that no binding wanted. */
  alternate?: string
}

export interface Queue {
  name: string
  /** `x-…` arguments; part of the queue's identity: a broker refuses to redeclare it with others. */
  arguments: Record<string, string | number>
  /** The service it belongs to: on a broker where all is declared, nobody else declares it or binds it. */
  owner?: string
}

export interface Binding {
  source: string
  destination: string
  destinationType: 'queue' | 'exchange'
  /** The routing key or pattern; empty for a fanout. */
  pattern: string
}

export interface Topology {
  exchanges: Exchange[]
  queues: Queue[]
  bindings: Binding[]
  /** Queues and exchanges of earlier versions: `npm run topology -- prune` removes them where they still are. */
  earlier?: { queues: string[]; exchanges: string[] }
}

export const deadLetterExchange = 'dead-letter.exchange'

/**
 * How often the broker gives a message back that no consumer settled. A net under a message whose handling kills the
 * process: 3.10 would redeliver it for ever. High enough that a service killed again and again loses no good message.
 */
const DELIVERY_LIMIT = 50

/** The dead-letter queue of a consumer queue: `inventory.queue` gives up into `inventory.dlq`. */
export function deadLetterQueueOf(queue: string): string {
  return queue.replace(/\.queue$/, '.dlq')
}

/** A replicated queue whose own dead-lettering (delivery limit) waits for the target's confirm, so it loses nothing. */
export function quorumQueue(name: string): Queue {
  return {
    name,
    arguments: {
      'x-queue-type': 'quorum',
      'x-delivery-limit': DELIVERY_LIMIT,
      'x-dead-letter-exchange': deadLetterExchange,
      'x-dead-letter-routing-key': name,
      // At-least-once dead-lettering requires reject-publish (RabbitMQ guide "Quorum Queues").
      'x-dead-letter-strategy': 'at-least-once',
      'x-overflow': 'reject-publish',
    },
  }
}

/** A classic queue with priorities, which quorum queues have only from RabbitMQ 4.0. It knows no delivery limit. */
export function priorityQueue(name: string): Queue {
  return {
    name,
    arguments: {
      // Said, since a vhost's default may be quorum.
      'x-queue-type': 'classic',
      'x-max-priority': 10,
      'x-dead-letter-exchange': deadLetterExchange,
      'x-dead-letter-routing-key': name,
    },
  }
}

/** A queue of questions: not persistent, and an expired one simply goes. */
export function rpcQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'classic' } }
}

/** The same on a cluster, where a queue that is on one node only would be away with it. */
export function replicatedRpcQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT } }
}

/** Messages wait here for their own `expiration`, then return to `home`: a timer that survives restarts. */
export function timerQueue(name: string, home: string): Queue {
  return { name, arguments: returning(home) }
}

/**
 * A queue that only keeps: dead letters, and what no binding wanted. Looking at a message counts as a delivery, and
 * RabbitMQ 4 drops after 20 unless told otherwise, so the limit is out of reach (3.10 knows no "unlimited").
 */
export function keepingQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 1_000_000 } }
}

function returning(home: string) {
  return {
    'x-queue-type': 'quorum',
    'x-dead-letter-exchange': '',
    'x-dead-letter-routing-key': home,
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  }
}

/** What every consumer queue brings with it: its dead-letter queue, and the way there. */
export function withDeadLetters(queue: Queue): Topology {
  const name = deadLetterQueueOf(queue.name)
  return {
    exchanges: [],
    queues: [queue, { ...keepingQueue(name), ...(queue.owner !== undefined && { owner: queue.owner }) }],
    bindings: [{ source: deadLetterExchange, destination: name, destinationType: 'queue', pattern: queue.name }],
  }
}

/** The same for the same topology, whatever the order in which it is written. */
export function versionOf({ exchanges, queues, bindings }: Topology): string {
  const names = [...exchanges, ...queues, ...bindings].map((part) => JSON.stringify(part)).sort()
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16)
}
