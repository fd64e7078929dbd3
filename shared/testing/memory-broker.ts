// An in-memory broker behind the kernel's port, for tests without RabbitMQ. It routes, confirms, redelivers, expires,
// dead-letters and counts deliveries as RabbitMQ does, and passes the same suite (`tests/integration/broker-suite`).
import type { Broker, Properties, Publication } from '../messaging/broker.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { TransientError } from '../runtime/errors.ts'
import type { Queue, Topology } from '../topology/queues.ts'
import {
  type Connection,
  copyOf,
  createMemoryQueue,
  type MemoryQueue,
  type Schedule,
  type Stored,
  type Subscriber,
} from './memory-queue.ts'
import { createRouter } from './routing.ts'

export interface MemoryBroker {
  /** The connection of one service. */
  connect(name: string): Broker
  /** The messages that wait in a queue, oldest first, without unsettled deliveries. */
  messages(queue: string): { body: string; properties: Properties }[]
  /** Deliveries handed out and not yet acked. */
  unsettled(queue: string): number
  /** Cuts a connection, which returns at once. Its unsettled deliveries are delivered again, to it too. */
  cut(name: string): void
}

const brokerClosed = () => new TransientError('broker_closed', 'closed before the broker confirmed')
const connectionLost = () => new TransientError('broker_unavailable', 'the connection was lost while waiting')

const timers: Schedule = (delayMs, work) => {
  const timer = setTimeout(work, delayMs)
  return () => clearTimeout(timer)
}

export function createMemoryBroker(topology: Topology, schedule: Schedule = timers): MemoryBroker {
  const queues = new Map<string, MemoryQueue>(
    topology.queues.map((definition) => [
      definition.name,
      createMemoryQueue(definition, schedule, (message) => deadLetter(definition, message)),
    ]),
  )
  const route = createRouter(topology)
  const questions = new Map<string, { asker: Connection; answer: Deferred<Buffer> }>()
  let questionCount = 0

  function queueOf(name: string): MemoryQueue {
    const queue = queues.get(name)
    if (!queue) throw new Error(`no queue ${name}`)
    return queue
  }

  /** Returns false if no queue accepts it. */
  function accept({ exchange, routingKey, body, properties }: Publication): boolean {
    const names = route(exchange, routingKey)
    for (const name of names) queueOf(name).enqueue({ body, properties: copyOf(properties), exchange, routingKey })
    return names.size > 0
  }

  function deadLetter(definition: Queue, { body, properties, routingKey }: Stored): void {
    const exchange = definition.arguments['x-dead-letter-exchange']
    if (typeof exchange !== 'string') return
    const key = definition.arguments['x-dead-letter-routing-key']
    const { expirationMs: _, ...kept } = properties
    const headers = { ...kept.headers, 'x-death': [{ queue: definition.name }] }
    accept({ exchange, routingKey: String(key ?? routingKey), body, properties: { ...kept, headers } })
  }

  function loseQuestions(isOf: (asker: Connection) => boolean): void {
    for (const { asker, answer } of questions.values()) if (isOf(asker)) answer.reject(connectionLost())
  }

  function connect(name: string): Broker {
    const connection: Connection = { name }
    const unconfirmed = new Set<Deferred<void>>()
    let closed = false
    return {
      publish(publication) {
        if (closed) return Promise.reject(brokerClosed())
        const done = deferred()
        unconfirmed.add(done)
        schedule(0, () => {
          if (!unconfirmed.delete(done)) return
          if (accept(publication)) done.resolve()
          else done.reject(new TransientError('refused', `no queue is bound for ${publication.routingKey}`))
        })
        return done.promise
      },
      subscribe(queue, prefetch, onDelivery, missing) {
        if (missing && !queues.has(queue)) {
          missing(true)
          return { cancel: async () => undefined, drop: () => undefined }
        }
        const subscriber: Subscriber = {
          connection,
          prefetch,
          cancelled: false,
          unsettled: new Set(),
          onDelivery,
        }
        queueOf(queue).subscribe(subscriber)
        return {
          cancel() {
            subscriber.cancelled = true
            // Earlier deliveries arrive before the cancellation is confirmed.
            return new Promise((resolve) => void schedule(0, resolve))
          },
          drop() {
            subscriber.cancelled = true
            queueOf(queue).unsubscribe(subscriber)
          },
        }
      },
      async request(queue, { type, body, headers = {} }, timeoutMs) {
        if (closed) throw new TransientError('broker_unavailable', 'not connected to the broker')
        const correlationId = `question-${++questionCount}`
        const answer = deferred<Buffer>()
        questions.set(correlationId, { asker: connection, answer })
        const late = new TransientError('rpc_timeout', `no answer to ${type} within ${timeoutMs} ms`)
        const callOff = schedule(timeoutMs, () => answer.reject(late))
        const properties: Properties = {
          type,
          correlationId,
          replyTo: correlationId,
          expirationMs: timeoutMs,
          headers,
        }
        if (!accept({ exchange: '', routingKey: queue, body, properties }))
          answer.reject(new TransientError('rpc_unroutable', 'the queue for these requests does not exist now'))
        try {
          return await answer.promise
        } finally {
          callOff()
          questions.delete(correlationId)
        }
      },
      reply: ({ properties }, body) => questions.get(properties.replyTo ?? '')?.answer.resolve(body),
      tell(exchange, type, body) {
        if (!closed)
          schedule(0, () => void accept({ exchange, routingKey: '', body, properties: { type, headers: {} } }))
      },
      status: () => ({ fault: closed ? 'closed' : undefined, unconfirmed: unconfirmed.size, refused: [] }),
      ready: async () => undefined,
      async close(graceMs) {
        const confirmed = Promise.allSettled([...unconfirmed].map(({ promise }) => promise))
        if (graceMs > 0) await Promise.race([confirmed, new Promise<void>((over) => void schedule(graceMs, over))])
        closed = true
        for (const done of unconfirmed) {
          // The caller may have stopped listening.
          done.promise.catch(() => undefined)
          done.reject(brokerClosed())
        }
        unconfirmed.clear()
        loseQuestions((asker) => asker === connection)
        for (const queue of queues.values()) queue.drop(connection)
      },
    }
  }

  return {
    connect,
    messages: (name) =>
      queueOf(name)
        .ready()
        .map(({ body, properties }) => ({ body: body.toString(), properties })),
    unsettled: (name) => queueOf(name).unsettled(),
    cut(name) {
      loseQuestions((asker) => asker.name === name)
      for (const queue of queues.values()) queue.giveBack(name)
    },
  }
}
