// The broker port: what the kernel needs of RabbitMQ, and what the in-memory broker of the tests must do as well.

export type Headers = Record<string, unknown>

export interface Properties {
  messageId?: string
  type?: string
  appId?: string
  /** Seconds since the epoch, as AMQP has it. */
  timestamp?: number
  correlationId?: string
  replyTo?: string
  contentType?: string
  priority?: number
  /** Milliseconds; the broker drops or dead-letters the message after it. */
  expirationMs?: number
  headers: Headers
}

export interface Publication {
  exchange: string
  routingKey: string
  body: Buffer
  properties: Properties
  /** False for questions and answers, which are worth nothing after a restart. Default true. */
  persistent?: boolean
  /** The service owes it to itself: it is kept as a row that is due at once, and never published. */
  isTask?: boolean
}

/** What is refused for one message is refused for all of its route. */
export const routeOf = ({ exchange, routingKey }: Publication) => `${exchange} ${routingKey}`

export interface Question {
  type: string
  body: Buffer
  headers?: Headers
}

export interface Delivery {
  body: Buffer
  properties: Properties
  exchange: string
  routingKey: string
  redelivered: boolean
  /** Settles the delivery. Does nothing when its channel is gone: the broker will deliver it again. Never throws. */
  ack(): void
  /** Rejects it: the queue's own dead-lettering takes it. Like `ack` otherwise. */
  refuse(): void
}

export interface Subscription {
  /** Stops new deliveries; those already handed over may still be acked. */
  cancel(): Promise<void>
  /** Stops at once and gives back what is not settled yet; settling it afterwards does nothing. */
  drop(): void
}

export interface BrokerStatus {
  /** Undefined when all is well; otherwise the reason, for people. */
  fault: string | undefined
  /** Publications waiting for a connection, a route or a confirm. */
  unconfirmed: number
  /** The routes that do not take everything now: `exchange routing-key`. */
  refused: string[]
}

export interface Broker {
  /**
   * Resolves when the broker has confirmed the message and every queue has taken it. Waits for that across reconnects, so callers
   * bound how many they have under way.
   *
   * @throws TransientError `refused` when a queue does not take it or none is bound, `broker_closed` when the broker is closed
   * first; PermanentError `unpublishable` for what AMQP has no form for, such as 64 KiB of headers
   */
  publish(publication: Publication): Promise<void>
  /**
   * Delivers from `queue`, across reconnects, at most `prefetch` unsettled at a time, until cancelled. A queue that is not there is
   * a fault of the connection, unless `missing` is given: then it is told of that, the queue is looked for now and then, and
   * `missing` is told again when it is there.
   */
  subscribe(
    queue: string,
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    missing?: (isMissing: boolean) => void,
  ): Subscription
  /**
   * Asks `queue` and resolves with the answer's body.
   *
   * @throws TransientError `rpc_timeout` after `timeoutMs`, `rpc_unroutable` or `rpc_refused` when no queue takes it,
   * `broker_unavailable` without a connection.
   */
  request(queue: string, question: Question, timeoutMs: number): Promise<Buffer>
  /** Sends an answer to the asker: no confirm, since an asker that has gone cannot be served. */
  reply(to: Delivery, body: Buffer): void
  /** Says something that is true now to whoever listens at a fanout: no confirm, and where nobody listens it is gone. */
  tell(exchange: string, type: string, body: Buffer): void
  status(): BrokerStatus
  /** Resolves once connected, with the topology in place. */
  ready(): Promise<void>
  /** Lets what is under way finish, `graceMs` at most, then disconnects. */
  close(graceMs: number): Promise<void>
}
