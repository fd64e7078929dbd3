// Mutants of the kernel: acks, confirms, the outbox, and what goes over the wire.
import type { Broker, Publication } from '@orders/shared/messaging'
import type { Mutant } from './mutant.ts'

export const kernelMutants: Mutant[] = [
  {
    name: 'a consumer that acks before it has committed',
    seed: 18,
    foundBy: 'every order has ended as it may',
    tamper: {
      broker: (broker) => ({
        ...broker,
        subscribe: (queue, prefetch, onDelivery) =>
          broker.subscribe(queue, prefetch, (delivery) => {
            delivery.ack()
            onDelivery(delivery)
          }),
      }),
    },
  },
  {
    name: 'a consumer that never acks',
    seed: 1,
    foundBy: 'no queue holds anything',
    tamper: {
      broker: (broker, service) =>
        service !== 'inventory-service'
          ? broker
          : {
              ...broker,
              subscribe: (queue, prefetch, onDelivery) =>
                broker.subscribe(queue, prefetch, (delivery) => onDelivery({ ...delivery, ack: () => undefined })),
            },
    },
  },
  {
    name: 'an outbox that is never read back',
    seed: 3,
    foundBy: 'every order has ended as it may',
    tamper: {
      database: (database) => ({
        ...database,
        all: async (sql, ...values) => (sql.includes('from outbox') ? [] : database.all(sql, ...values)),
      }),
    },
  },
  {
    name: 'a service that never looks for what is due',
    seed: 1,
    foundBy: 'nothing waits to be tried again',
    tamper: {
      database: (database) => ({
        ...database,
        all: async (sql, ...values) => (sql.includes('from retries') ? [] : database.all(sql, ...values)),
      }),
    },
  },
  {
    name: 'an outbox that forgets before the broker has confirmed',
    seed: 18,
    foundBy: 'no story has a gap',
    tamper: {
      broker: (broker) => ({
        ...broker,
        async publish(publication) {
          void broker.publish(publication)
        },
      }),
    },
  },
  {
    name: 'an outbox that publishes before the commit',
    seed: 2,
    foundBy: 'every message says what it said first',
    tamper: {
      outbox: (outbox) => ({
        ...outbox,
        send: () => undefined,
        async record(tx, publications) {
          const recorded = await outbox.record(tx, publications)
          outbox.send(recorded)
          return recorded
        },
      }),
    },
  },
  {
    name: 'an order that is said to be completed and cancelled',
    seed: 1,
    foundBy: 'every fork went one way',
    tamper: {
      broker: (broker) => ({
        ...broker,
        async publish(publication) {
          if (publication.routingKey === 'order.completed') await broker.publish(cancelled(publication))
          return broker.publish(publication)
        },
      }),
    },
  },
  {
    name: 'an outbox that forgets nothing',
    seed: 1,
    foundBy: 'no outbox holds anything',
    tamper: {
      outbox: (outbox) => ({
        ...outbox,
        takeConfirmed: () => ({ forget: async () => undefined, ended: () => undefined }),
      }),
    },
  },
  {
    name: 'a message that its service says to itself for ever',
    seed: 1,
    foundBy: 'everything comes to rest',
    tamper: { broker: (broker, service) => (service === 'shipping-service' ? goingRound(broker) : broker) },
  },
]

/** The same order's cancellation, as order-service would say it. */
function cancelled(publication: Publication): Publication {
  const { exchange, properties, body } = publication
  const event = JSON.parse(body.toString('utf8'))
  const id = `${event.subject}/order.cancelled`
  const other = {
    ...event,
    id,
    type: 'order.cancelled',
    dataschema: event.dataschema.replace('completed', 'cancelled'),
    data: { ...event.data, reason: 'declined' },
  }
  return {
    exchange,
    routingKey: 'order.cancelled',
    body: Buffer.from(JSON.stringify(other)),
    properties: { ...properties, messageId: id, type: 'order.cancelled' },
  }
}

const ROUND_MS = 80_000

/** The first message that a process hears comes again, long after it was acked, and again. */
function goingRound(broker: Broker): Broker {
  let first: string | undefined
  return {
    ...broker,
    subscribe: (queue, prefetch, onDelivery) =>
      broker.subscribe(queue, prefetch, (delivery) => {
        const { properties, body } = delivery
        first ??= properties.messageId
        const again = () =>
          void broker.publish({ exchange: '', routingKey: queue, body, properties }).catch(() => again)
        if (properties.messageId === first) setTimeout(again, ROUND_MS)
        onDelivery(delivery)
      }),
  }
}
