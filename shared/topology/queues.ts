// The exchanges, queues and bindings of a topology, as plain data.
import { createHash } from 'node:crypto'

export interface Exchange {
  name: string
  type: 'topic' | 'fanout' | 'direct'
  /** Receives messages that match no binding. */
  alternate?: string
}

export interface Queue {
  name: string
  /** `x-…` arguments. The broker refuses to declare the queue again with other arguments. */
  arguments: Record<string, string | number>
  /** The service that owns it. On a broker with a complete topology only the owner declares or binds it. */
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
  /** Queues and exchanges of earlier versions. `npm run topology -- prune` removes them where they still exist. */
  earlier?: { queues: string[]; exchanges: string[] }
}

export const deadLetterExchange = 'dead-letter.exchange'
/** For wrapped personal keys. Not audited. */
export const keysExchange = 'keys.exchange'
/** The queue for events about keys: `order-service` has `order.keys.queue`. */
export const keysQueueOf = (service: string) => `${service.replace(/-service$/, '')}.keys.queue`
/** Passes a fanout, which ignores routing keys. */
export const KEYS_PATTERN = 'keys.#'

/** Copies of services publish their state here. */
export const operationsExchange = 'ops.exchange'

/** The queue for operators' questions: `payment-service` has `payment.ops.queue`. */
export function operationsQueueOf(service: string): string {
  return `${service.replace(/-service$/, '')}.ops.queue`
}

/**
 * How often the broker redelivers a message that no consumer settled. It stops a message that kills its process, which 3.10
 * would redeliver for ever. It is high, so that repeated kills of a service lose no good message.
 */
const DELIVERY_LIMIT = 50

/** The dead-letter queue of a consumer queue: `inventory.queue` has `inventory.dlq`. */
export function deadLetterQueueOf(queue: string): string {
  return queue.replace(/\.queue$/, '.dlq')
}

/** A replicated queue. Its own dead-lettering (delivery limit) waits for the target's confirm, so it loses nothing. */
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

/** A classic queue with priorities, which quorum queues have only since RabbitMQ 4.0. It has no delivery limit. */
export function priorityQueue(name: string): Queue {
  return {
    name,
    arguments: {
      // Set explicitly, since a vhost's default may be quorum.
      'x-queue-type': 'classic',
      'x-max-priority': 10,
      'x-dead-letter-exchange': deadLetterExchange,
      'x-dead-letter-routing-key': name,
    },
  }
}

/** A queue of RPC questions: not persistent, and an expired question is dropped. */
export function rpcQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'classic' } }
}

/** An RPC queue on a cluster, where a classic queue would be lost with its node. */
export function replicatedRpcQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT } }
}

/** For messages that are worthless later: limited, and dropped by the broker if no consumer takes them. */
const PASSING = { 'x-message-ttl': 30_000, 'x-max-length': 1_000 }

/** A queue of operators' questions, or of copies' reports. */
export function passingQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'classic', ...PASSING } }
}

/** The same on a cluster. */
export function replicatedPassingQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT, ...PASSING } }
}

/** Messages wait here until their `expiration`, then return to `home`: a timer that survives restarts. */
export function timerQueue(name: string, home: string): Queue {
  return { name, arguments: returning(home) }
}

/**
 * A queue that only stores: dead letters, and messages that matched no binding. Looking at a message counts as a delivery, and
 * RabbitMQ 4 drops it after 20 by default. So the limit is set out of reach (3.10 has no "unlimited").
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

/** A consumer queue with its dead-letter queue and the binding between them. */
export function withDeadLetters(queue: Queue): Topology {
  const name = deadLetterQueueOf(queue.name)
  return {
    exchanges: [],
    queues: [queue, { ...keepingQueue(name), ...(queue.owner !== undefined && { owner: queue.owner }) }],
    bindings: [{ source: deadLetterExchange, destination: name, destinationType: 'queue', pattern: queue.name }],
  }
}

interface KernelTopology extends Topology {
  /** The kernel's part of a domain's `heard`: each service hears events about keys. */
  heard: Record<string, string[]>
}

/**
 * What the kernel needs in every domain, for services by name (`order-service`). Each service has a queue for operators'
 * questions and one for personal keys. Both have an exchange, and so have dead letters. `passingOf` creates the question
 * queues: on a cluster `replicatedPassingQueue`. The bindings follow from `heard`; see `bindingsOf`.
 */
export function kernelTopology(services: readonly string[], passingOf = passingQueue): KernelTopology {
  const keys = services.map((owner) => withDeadLetters({ ...quorumQueue(keysQueueOf(owner)), owner }))
  const questions = services.map((owner): Queue => ({ ...passingOf(operationsQueueOf(owner)), owner }))
  return {
    exchanges: [
      { name: deadLetterExchange, type: 'direct' },
      { name: keysExchange, type: 'fanout' },
      { name: operationsExchange, type: 'fanout' },
    ],
    queues: [...keys.flatMap(({ queues }) => queues), ...questions],
    bindings: keys.flatMap(({ bindings }) => bindings),
    heard: Object.fromEntries(services.map((service) => [keysQueueOf(service), [KEYS_PATTERN]])),
  }
}

/**
 * The bindings for the patterns that each queue hears. A pattern is bound to the exchange of its first word: `order.paid` to
 * `order.exchange`.
 */
export function bindingsOf(heard: Readonly<Record<string, readonly string[]>>): Binding[] {
  return Object.entries(heard).flatMap(([destination, patterns]) =>
    patterns.map((pattern): Binding => {
      const source = `${pattern.slice(0, pattern.indexOf('.'))}.exchange`
      return { source, destination, destinationType: 'queue', pattern }
    }),
  )
}

/**
 * The queues where all failures arrive: dead-letter queues, each with the queue it belongs to, and queues of unrouted messages,
 * with undefined.
 */
export function failuresIn({ exchanges, bindings }: Topology): ReadonlyMap<string, string | undefined> {
  const alternates = new Set(exchanges.flatMap(({ alternate }) => alternate ?? []))
  const found = bindings.flatMap(({ source, destination, pattern }): [string, string | undefined][] => {
    if (source === deadLetterExchange) return [[destination, pattern]]
    return alternates.has(source) ? [[destination, undefined]] : []
  })
  return new Map(found)
}

/** A hash of the topology, independent of the order in which it is written. */
export function versionOf({ exchanges, queues, bindings }: Topology): string {
  const names = [...exchanges, ...queues, ...bindings].map((part) => JSON.stringify(part)).sort()
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16)
}
