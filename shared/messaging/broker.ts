// The broker port: what the kernel needs of RabbitMQ, and what the tests' in-memory broker must do too.

export type Headers = Record<string, unknown>

export interface Properties {
  messageId?: string
  type?: string
  appId?: string
  /** Seconds since the epoch, as AMQP defines it. */
  timestamp?: number
  correlationId?: string
  replyTo?: string
  contentType?: string
  priority?: number
  /** Milliseconds. After that the broker drops or dead-letters the message. */
  expirationMs?: number
  headers: Headers
}

export interface Publication {
  exchange: string
  routingKey: string
  body: Buffer
  properties: Properties
  /** False for RPC questions and answers, which are worthless after a restart. Default true. */
  persistent?: boolean
  /** A task of the service: stored as a row in `retries`, due at once, and never published. */
  isTask?: boolean
}

/** If one message of a route is refused, all of the route are. */
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
  /** Settles the delivery. Does nothing when its channel is gone, since the broker then delivers again. Never throws. */
  ack(): void
  /** Rejects the delivery: the queue's own dead-lettering takes it. Otherwise like `ack`. */
  refuse(): void
}

export interface Subscription {
  /** Stops new deliveries. Those already handed over can still be settled. */
  cancel(): Promise<void>
  /** Stops at once and returns unsettled deliveries to the queue. Settling them afterwards does nothing. */
  drop(): void
}

export interface BrokerStatus {
  /** Undefined if the connection works; otherwise the reason, for people. */
  fault: string | undefined
  /** Publications that wait for a connection, a route or a confirm. */
  unconfirmed: number
  /** Routes that refuse messages now: `exchange routing-key`. */
  refused: string[]
}

export interface Broker {
  /**
   * Resolves when the broker has confirmed the message and every queue has accepted it. Waits for this across reconnects, so
   * callers limit how many they have unconfirmed.
   *
   * @throws TransientError `refused` when a queue does not accept it or none is bound, `broker_closed` when the broker is
   * closed first; PermanentError `unpublishable` for what AMQP cannot carry, such as 64 KiB of headers
   */
  publish(publication: Publication): Promise<void>
  /**
   * Delivers from `queue` until cancelled, across reconnects, at most `prefetch` unsettled at a time. A missing queue is a
   * fault of the connection, unless `missing` is given. Then `missing` is called with true, the queue is looked for from time
   * to time, and `missing` is called with false when it exists.
   */
  subscribe(
    queue: string,
    prefetch: number,
    onDelivery: (delivery: Delivery) => void,
    missing?: (isMissing: boolean) => void,
  ): Subscription
  /**
   * Sends a question to `queue` and resolves with the answer's body.
   *
   * @throws TransientError `rpc_timeout` after `timeoutMs`, `rpc_unroutable` or `rpc_refused` when no queue accepts it,
   * `broker_unavailable` without a connection.
   */
  request(queue: string, question: Question, timeoutMs: number): Promise<Buffer>
  /** Sends an answer to the asker, without a confirm: if the asker is gone, nobody needs it. */
  reply(to: Delivery, body: Buffer): void
  /** Publishes current information to a fanout exchange, without a confirm. If no queue is bound, it is lost. */
  tell(exchange: string, type: string, body: Buffer): void
  status(): BrokerStatus
  /** Resolves once connected, with the topology declared. */
  ready(): Promise<void>
  /** Waits at most `graceMs` for unconfirmed publications, then disconnects. */
  close(graceMs: number): Promise<void>
}
