// Consumers that survive reconnects: each has a channel of its own, opened anew in every session.
//
// Promise on a cluster: a delivery that was lost between two nodes comes again. When a queue's leader dies, or loses sight of the
// consumer's node, what it had just handed out may never arrive; the queue counts it as unacked, and notices only with its
// next delivery to the same consumer, or when the consumer's channel closes (rabbitmq-server, issue 15473). So a consumer
// that has heard nothing for a while closes its channel and opens another.
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

/** `renewIdleAfterMs`: how long a consumer may hear nothing before it opens its channel anew; for ever by default. */
export function createSubscriber(renewIdleAfterMs?: number) {
  const consumers = new Set<Consumer>()
  let current: Session | undefined
  let watch: NodeJS.Timeout | undefined

  function start(session: Session, consumer: Consumer): Promise<void> {
    consumer.starting = open(session, consumer)
    return consumer.starting
  }

  async function open(session: Session, consumer: Consumer): Promise<void> {
    const channel = await session.model.createChannel()
    channel.on('error', session.fail)
    channel.on('close', () => session.fail(new TransientError('channel_closed', `${consumer.queue}: channel closed`)))
    channel.on('handler-error', session.fail)
    await channel.prefetch(consumer.prefetch)
    if (!consumers.has(consumer)) return
    const acks = createAcks((deliveryTag, how) => {
      // After the session the channel is closed and refuses; the broker delivers again.
      if (current !== session || consumer.isDropped) return
      try {
        if (how === 'refused') channel.nack(messageWith(deliveryTag), false, false)
        else channel.ack(messageWith(deliveryTag), how === 'and those before')
      } catch (error) {
        // A channel that is just closing refuses as well.
        session.fail(asError(error))
      }
    })
    const active: Active = { channel, consumerTag: '', unsettled: 0, heardAtMs: performance.now() }
    const { consumerTag } = await channel.consume(consumer.queue, (message) => {
      // Null says that the broker cancelled the consumer, for example because its queue was deleted.
      if (message === null)
        return session.fail(new TransientError('consumer_cancelled', `${consumer.queue}: consumer cancelled`))
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

  /** Only while nothing is unsettled, so that nothing is handled twice for it. What arrives meanwhile is given back. */
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
    subscribe(queue: string, prefetch: number, onDelivery: (delivery: Delivery) => void): Subscription {
      const consumer: Consumer = { queue, prefetch, onDelivery, isDropped: false }
      consumers.add(consumer)
      if (current) start(current, consumer).catch(current.fail)
      return {
        async cancel() {
          consumers.delete(consumer)
          // Cancelled while it starts: that cancels it by itself.
          await consumer.starting?.catch(() => undefined)
          const { active } = consumer
          // A channel that is gone delivers nothing more, which is all that was asked.
          if (active) await active.channel.cancel(active.consumerTag).catch(() => undefined)
        },
        drop() {
          consumers.delete(consumer)
          consumer.isDropped = true
          const giveBack = () => {
            const { active } = consumer
            active?.channel.removeAllListeners('close')
            // Closing it is what gives back; one that is closed has.
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
      // A copy: whoever subscribes in the meantime starts by itself.
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

/** amqplib's ack and nack want the message but read only its delivery tag. */
function messageWith(deliveryTag: number) {
  const fields = { deliveryTag, redelivered: false, exchange: '', routingKey: '' }
  return { content: Buffer.alloc(0), fields, properties: { headers: {} } as never }
}
