// An in-memory broker behind the kernel's port, for tests that need no RabbitMQ. It routes, confirms, redelivers,
// expires, dead-letters and counts deliveries as RabbitMQ does, and is held to the same suite
// (`tests/integration/broker-suite`).

import type { Broker, Delivery, Properties, Publication } from '../messaging/broker.ts'
import type { Queue, Topology } from '../messaging/queues.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { TransientError } from '../runtime/errors.ts'
import { route } from './routing.ts'

/** When things happen; a simulation brings its own. Returns a function that calls it off. */
export type Schedule = (delayMs: number, work: () => void) => () => void

interface Stored {
  body: Buffer
  properties: Properties
  exchange: string
  routingKey: string
  deliveries: number
  /** Calls the expiry off; it runs on while a delivery is under way. */
  expiry?: () => void
  expired?: boolean
}

/** One delivery of a message: a later one is another, so that an ack from before a cut settles nothing. */
interface Handout {
  message: Stored
}

interface Subscriber {
  connection: string
  prefetch: number
  cancelled: boolean
  unsettled: Set<Handout>
  onDelivery(delivery: Delivery): void
}

interface QueueState {
  definition: Queue
  ready: Stored[]
  subscribers: Subscriber[]
}

export interface MemoryBroker {
  /** One service's connection. */
  connect(name: string): Broker
  /** What waits in a queue, oldest first; deliveries under way are not counted. */
  messages(queue: string): { body: string; properties: Properties }[]
  /** Deliveries handed out and not yet acked. */
  unsettled(queue: string): number
  /** Cuts a connection, which comes back at once: what it holds unsettled is delivered again, to it as well. */
  cut(name: string): void
}

const brokerClosed = () => new TransientError('broker_closed', 'closed before the broker confirmed')

const timers: Schedule = (delayMs, work) => {
  const timer = setTimeout(work, delayMs)
  return () => clearTimeout(timer)
}

export function createMemoryBroker(topology: Topology, schedule: Schedule = timers): MemoryBroker {
  const queues = new Map<string, QueueState>(
    topology.queues.map((definition) => [definition.name, { definition, ready: [], subscribers: [] }]),
  )
  const questions = new Map<string, { asker: string; answer: Deferred<Buffer> }>()
  let questionCount = 0

  function queueOf(name: string): QueueState {
    const queue = queues.get(name)
    if (!queue) throw new Error(`no queue ${name}`)
    return queue
  }

  /** False when no queue takes it. */
  function accept({ exchange, routingKey, body, properties }: Publication): boolean {
    const names = route(topology, exchange, routingKey, properties.headers)
    for (const name of names)
      enqueue(queueOf(name), { body, properties: structuredClone(properties), exchange, routingKey, deliveries: 0 })
    return names.size > 0
  }

  function enqueue(queue: QueueState, message: Stored): void {
    const ttlMs = queue.definition.arguments['x-message-ttl']
    const delays = [message.properties.expirationMs, typeof ttlMs === 'number' ? ttlMs : undefined]
    const expiresIn = Math.min(...delays.filter((delay) => delay !== undefined))
    if (Number.isFinite(expiresIn)) message.expiry = schedule(expiresIn, () => expire(queue, message))
    insert(queue, message)
    deliver(queue)
  }

  function insert(queue: QueueState, message: Stored): void {
    const priorities = 'x-max-priority' in queue.definition.arguments
    const priorityOf = ({ properties }: Stored) => (priorities ? (properties.priority ?? 0) : 0)
    const behind = queue.ready.findIndex((other) => priorityOf(other) < priorityOf(message))
    queue.ready.splice(behind === -1 ? queue.ready.length : behind, 0, message)
  }

  function expire(queue: QueueState, message: Stored): void {
    const at = queue.ready.indexOf(message)
    // Under way: it goes when it comes back.
    message.expired = true
    if (at === -1) return
    queue.ready.splice(at, 1)
    deadLetter(queue, message)
  }

  function deadLetter({ definition }: QueueState, { body, properties, routingKey }: Stored): void {
    const exchange = definition.arguments['x-dead-letter-exchange']
    if (typeof exchange !== 'string') return
    const key = definition.arguments['x-dead-letter-routing-key']
    const { expirationMs: _, ...kept } = properties
    const headers = { ...kept.headers, 'x-death': [{ queue: definition.name }] }
    accept({ exchange, routingKey: String(key ?? routingKey), body, properties: { ...kept, headers } })
  }

  function deliver(queue: QueueState): void {
    for (let free = freeSubscriber(queue); free && queue.ready.length > 0; free = freeSubscriber(queue)) {
      const message = queue.ready.shift()
      if (message) handOut(queue, message, free)
    }
  }

  function handOut(queue: QueueState, message: Stored, to: Subscriber): void {
    const limit = queue.definition.arguments['x-delivery-limit']
    if (typeof limit === 'number' && message.deliveries > limit) return deadLetter(queue, message)
    message.deliveries += 1
    const redelivered = message.deliveries > 1
    const handout: Handout = { message }
    to.unsettled.add(handout)
    const { body, exchange, routingKey } = message
    const { expirationMs: _, ...properties } = structuredClone(message.properties)
    schedule(0, () => {
      // Cut before it arrived: it is on its way to somebody else already.
      if (!to.unsettled.has(handout)) return
      const ack = () => {
        if (!to.unsettled.delete(handout)) return
        message.expiry?.()
        deliver(queue)
      }
      to.onDelivery({ body, properties, exchange, routingKey, redelivered, ack })
    })
  }

  function freeSubscriber({ subscribers }: QueueState): Subscriber | undefined {
    const free = subscribers.filter(({ cancelled, unsettled, prefetch }) => !cancelled && unsettled.size < prefetch)
    return free.sort((a, b) => a.unsettled.size - b.unsettled.size)[0]
  }

  function giveBack(queue: QueueState, subscriber: Subscriber): void {
    const messages = [...subscriber.unsettled].map(({ message }) => message)
    subscriber.unsettled.clear()
    queue.ready.unshift(...messages)
    for (const message of messages) if (message.expired) expire(queue, message)
  }

  function loseQuestions(name: string): void {
    const lost = new TransientError('broker_unavailable', 'the connection was lost while waiting')
    for (const { asker, answer } of questions.values()) if (asker === name) answer.reject(lost)
  }

  function connect(name: string): Broker {
    const mine: { queue: QueueState; subscriber: Subscriber }[] = []
    const unconfirmed = new Set<Deferred<void>>()
    let closed = false
    return {
      publish(publication) {
        if (closed) return Promise.reject(brokerClosed())
        const done = deferred()
        unconfirmed.add(done)
        // Like the real one, it tries for as long as no queue takes the message.
        const attempt = () => {
          if (closed) return
          if (!accept(publication)) return void schedule(1_000, attempt)
          unconfirmed.delete(done)
          done.resolve()
        }
        schedule(0, attempt)
        return done.promise
      },
      subscribe(queueName, prefetch, onDelivery) {
        const queue = queueOf(queueName)
        const subscriber: Subscriber = {
          connection: name,
          prefetch,
          cancelled: false,
          unsettled: new Set(),
          onDelivery,
        }
        queue.subscribers.push(subscriber)
        mine.push({ queue, subscriber })
        deliver(queue)
        return {
          cancel() {
            subscriber.cancelled = true
            // What was handed out before arrives before the cancellation is confirmed.
            return new Promise((resolve) => void schedule(0, resolve))
          },
        }
      },
      async request(queue, { type, body }, timeoutMs) {
        if (closed) throw new TransientError('broker_unavailable', 'not connected to the broker')
        const correlationId = `question-${++questionCount}`
        const answer = deferred<Buffer>()
        questions.set(correlationId, { asker: name, answer })
        const late = new TransientError('rpc_timeout', `no answer to ${type} within ${timeoutMs} ms`)
        const callOff = schedule(timeoutMs, () => answer.reject(late))
        const properties: Properties = {
          type,
          correlationId,
          replyTo: correlationId,
          expirationMs: timeoutMs,
          headers: {},
        }
        if (!accept({ exchange: '', routingKey: queue, body, properties }))
          answer.reject(new TransientError('rpc_unroutable', 'nobody takes such questions now'))
        try {
          return await answer.promise
        } finally {
          callOff()
          questions.delete(correlationId)
        }
      },
      reply: ({ properties }, body) => questions.get(properties.replyTo ?? '')?.answer.resolve(body),
      status: () => ({ fault: closed ? 'closed' : undefined, unconfirmed: unconfirmed.size }),
      ready: async () => undefined,
      async close() {
        closed = true
        for (const done of unconfirmed) {
          done.promise.catch(() => undefined)
          done.reject(brokerClosed())
        }
        unconfirmed.clear()
        loseQuestions(name)
        for (const { queue, subscriber } of mine) {
          queue.subscribers = queue.subscribers.filter((other) => other !== subscriber)
          giveBack(queue, subscriber)
        }
        for (const { queue } of mine) deliver(queue)
      },
    }
  }

  return {
    connect,
    messages: (name) => queueOf(name).ready.map(({ body, properties }) => ({ body: body.toString(), properties })),
    unsettled: (name) => queueOf(name).subscribers.reduce((sum, { unsettled }) => sum + unsettled.size, 0),
    cut(name) {
      loseQuestions(name)
      for (const queue of queues.values()) {
        for (const subscriber of queue.subscribers) if (subscriber.connection === name) giveBack(queue, subscriber)
        deliver(queue)
      }
    },
  }
}
