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
/** The wrapped keys of those whom personal data is about; not audited. */
export const keysExchange = 'keys.exchange'
/** What a service hears of keys: `order-service` by `order.keys.queue`. */
export const keysQueueOf = (service: string) => `${service.replace(/-service$/, '')}.keys.queue`
/** By a fanout, whatever its key. */
export const KEYS_PATTERN = 'keys.#'

/** Where the copies of the services say how they are. */
export const operationsExchange = 'ops.exchange'

/** `payment-service` answers operators' questions in `payment.ops.queue`. */
export function operationsQueueOf(service: string): string {
  return `${service.replace(/-service$/, '')}.ops.queue`
}

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

/** What is true now and worth nothing later: bounded, and gone by itself while nobody takes it. */
const PASSING = { 'x-message-ttl': 30_000, 'x-max-length': 1_000 }

/** Operators' questions, or copies' reports. */
export function passingQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'classic', ...PASSING } }
}

/** The same on a cluster. */
export function replicatedPassingQueue(name: string): Queue {
  return { name, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': DELIVERY_LIMIT, ...PASSING } }
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

interface KernelTopology extends Topology {
  /** The part of a domain's `heard` that is the kernel's: each service hears of keys. */
  heard: Record<string, string[]>
}

/**
 * What the kernel needs in every domain, for services by their names (`order-service`): a queue of each for operators' questions and
 * one for the keys of people, the exchanges of both, and that of dead letters. `passingOf` makes the queues of questions: on a cluster
 * `replicatedPassingQueue`. The bindings of what is heard follow from `heard`, see `bindingsOf`.
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

/** By queue the patterns it hears: each is bound to the exchange of its first word, `order.paid` to `order.exchange`. */
export function bindingsOf(heard: Readonly<Record<string, readonly string[]>>): Binding[] {
  return Object.entries(heard).flatMap(([destination, patterns]) =>
    patterns.map((pattern): Binding => {
      const source = `${pattern.slice(0, pattern.indexOf('.'))}.exchange`
      return { source, destination, destinationType: 'queue', pattern }
    }),
  )
}

/**
 * The queues in which all failures arrive: those of dead letters, each with the queue that gives up into it, and those of what no
 * binding wanted, without one.
 */
export function failuresIn({ exchanges, bindings }: Topology): ReadonlyMap<string, string | undefined> {
  const alternates = new Set(exchanges.flatMap(({ alternate }) => alternate ?? []))
  const found = bindings.flatMap(({ source, destination, pattern }): [string, string | undefined][] => {
    if (source === deadLetterExchange) return [[destination, pattern]]
    return alternates.has(source) ? [[destination, undefined]] : []
  })
  return new Map(found)
}

/** The same for the same topology, whatever the order in which it is written. */
export function versionOf({ exchanges, queues, bindings }: Topology): string {
  const names = [...exchanges, ...queues, ...bindings].map((part) => JSON.stringify(part)).sort()
  return createHash('sha256').update(names.join('\n')).digest('hex').slice(0, 16)
}
