// Consumers that survive reconnects. Each has its own channel, which every session opens anew.
//
// Promise on a cluster: a delivery that was lost between two nodes comes again. If a queue's leader dies, or loses contact with
// the consumer's node, its last deliveries may never arrive. The queue counts them as unacked. It notices the loss only with
// its next delivery to the same consumer, or when the consumer's channel closes (rabbitmq-server, issue 15473). So a consumer
// that has been idle for a while closes its channel and opens another.
import type { Channel } from 'amqplib'
import { asError, TransientError } from '../runtime/errors.ts'
import { createAcks } from './acks.ts'
import { fromAmqp } from './amqp.ts'
import type { Delivery, Subscription } from './broker.ts'
import type { Session } from './connection.ts'

interface Consumer {
  queue: string
  prefetch: number
  onDelivery(delivery: Delivery): void
  /** Given for a queue that may be missing. */
  missing: ((isMissing: boolean) => void) | undefined
  isMissing: boolean
  /** The latest start, settled or not. */
  starting?: Promise<void>
  isDropped: boolean
  active?: Active
}

interface Active {
  channel: Channel
  consumerTag: string
  unsettled: number
  /** By the monotonic clock. */
  heardAtMs: number
}

/** How often a missing queue is looked for. */
const LOOK_FOR_MS = 5_000

/** `renewIdleAfterMs`: how long a consumer may be idle before it opens a new channel. By default it never does. */
export function createSubscriber(renewIdleAfterMs?: number) {
  const consumers = new Set<Consumer>()
  let current: Session | undefined
  let watch: NodeJS.Timeout | undefined

  function start(session: Session, consumer: Consumer): Promise<void> {
    consumer.starting = open(session, consumer)
    return consumer.starting
  }

  /** The broker closes the channel if the queue is missing. If the queue may be missing, this is not a fault of the session. */
  async function open(session: Session, consumer: Consumer): Promise<void> {
    try {
      await consumeOn(session, consumer)
      if (consumer.isMissing) tellMissing(consumer, false)
    } catch (thrown) {
      const error = asError(thrown)
      if (!mayBeMissing(consumer, error)) throw error
      lookFor(session, consumer)
    }
  }

  function tellMissing(consumer: Consumer, isMissing: boolean): void {
    consumer.isMissing = isMissing
    consumer.missing?.(isMissing)
  }

  function lookFor(session: Session, consumer: Consumer): void {
    if (!consumer.isMissing) tellMissing(consumer, true)
    const look = () => {
      if (current === session && consumers.has(consumer)) start(session, consumer).catch(session.fail)
    }
    setTimeout(look, LOOK_FOR_MS).unref()
  }

  async function consumeOn(session: Session, consumer: Consumer): Promise<void> {
    const channel = await session.model.createChannel()
    let isGone = false
    channel.on('error', (error) => {
      isGone = mayBeMissing(consumer, error)
      if (!isGone) session.fail(error)
    })
    channel.on('close', () => {
      if (!isGone) session.fail(new TransientError('channel_closed', `${consumer.queue}: channel closed`))
    })
    channel.on('handler-error', session.fail)
    await channel.prefetch(consumer.prefetch)
    if (!consumers.has(consumer)) return
    const acks = createAcks((deliveryTag, how) => {
      // After the session the channel would throw. The broker delivers again.
      if (current !== session || consumer.isDropped || isGone) return
      try {
        if (how === 'refused') channel.nack(messageWith(deliveryTag), false, false)
        else channel.ack(messageWith(deliveryTag), how === 'and those before')
      } catch (error) {
        // A channel that is just closing throws too.
        session.fail(asError(error))
      }
    })
    const active: Active = { channel, consumerTag: '', unsettled: 0, heardAtMs: performance.now() }
    const { consumerTag } = await channel.consume(consumer.queue, (message) => {
      // Null means that the broker cancelled the consumer, for example because its queue was deleted.
      if (message === null) {
        if (!consumer.missing)
          return session.fail(new TransientError('consumer_cancelled', `${consumer.queue}: consumer cancelled`))
        isGone = true
        delete consumer.active
        channel.close().catch(() => undefined)
        return lookFor(session, consumer)
      }
      const { fields, content } = message
      const settle = acks.add(fields.deliveryTag)
      active.unsettled += 1
      active.heardAtMs = performance.now()
      consumer.onDelivery({
        body: content,
        properties: fromAmqp(message.properties),
        exchange: fields.exchange,
        routingKey: fields.routingKey,
        redelivered: fields.redelivered,
        ack() {
          active.unsettled -= 1
          active.heardAtMs = performance.now()
          settle.ack()
        },
        refuse() {
          active.unsettled -= 1
          settle.refuse()
        },
      })
    })
    active.consumerTag = consumerTag
    consumer.active = active
    if (!consumers.has(consumer)) await channel.cancel(consumerTag)
  }

  /**
   * Renews only consumers without unsettled deliveries, so that nothing is handled twice. What arrives meanwhile goes back to
   * the queue.
   */
  function renewIdle(session: Session, idleMs: number): void {
    for (const consumer of consumers) {
      const { active } = consumer
      if (!active || active.unsettled > 0 || performance.now() - active.heardAtMs < idleMs) continue
      delete consumer.active
      active.channel.removeAllListeners('close')
      consumer.starting = active.channel.close().then(() => open(session, consumer))
      consumer.starting.catch(session.fail)
    }
  }

  return {
    subscribe(
      queue: string,
      prefetch: number,
      onDelivery: (delivery: Delivery) => void,
      missing?: (isMissing: boolean) => void,
    ): Subscription {
      const consumer: Consumer = { queue, prefetch, onDelivery, missing, isMissing: false, isDropped: false }
      consumers.add(consumer)
      if (current) start(current, consumer).catch(current.fail)
      return {
        async cancel() {
          consumers.delete(consumer)
          // If the consumer is still starting, its start cancels it.
          await consumer.starting?.catch(() => undefined)
          const { active } = consumer
          // A channel that is gone delivers nothing, so there is nothing to cancel.
          if (active) await active.channel.cancel(active.consumerTag).catch(() => undefined)
        },
        drop() {
          consumers.delete(consumer)
          consumer.isDropped = true
          const giveBack = () => {
            const { active } = consumer
            active?.channel.removeAllListeners('close')
            // Closing the channel returns its deliveries. A closed channel has returned them already.
            active?.channel.close().catch(() => undefined)
          }
          if (consumer.active) giveBack()
          else consumer.starting?.then(giveBack, () => undefined)
        },
      }
    },
    /** Starts every consumer on the new session. */
    async attach(session: Session): Promise<void> {
      current = session
      // Iterates over a copy: a consumer that is added meanwhile starts by itself.
      for (const consumer of [...consumers]) await start(session, consumer)
      if (renewIdleAfterMs === undefined || current !== session) return
      watch = setInterval(() => renewIdle(session, renewIdleAfterMs), renewIdleAfterMs / 3)
      watch.unref()
    },
    detach(): void {
      current = undefined
      clearInterval(watch)
      for (const consumer of consumers) delete consumer.active
    },
  }
}

const mayBeMissing = ({ missing }: Consumer, error: Error) =>
  missing !== undefined && 'code' in error && error.code === 404

/** amqplib's ack and nack take a message but read only its delivery tag. */
function messageWith(deliveryTag: number) {
  const fields = { deliveryTag, redelivered: false, exchange: '', routingKey: '' }
  return { content: Buffer.alloc(0), fields, properties: { headers: {} } as never }
}
