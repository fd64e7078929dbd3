// The checks can fail: each mutant is one piece made wrong on purpose, and some seed within a few must find it, by the check
// that is there for it.
import { PermanentError } from '@orders/shared/runtime'
import type { Sql, Value } from '@orders/shared/storage'
import { expect, it } from 'vitest'
import { simulate } from './simulate.ts'
import type { Tamper } from './world.ts'

interface Mutant {
  name: string
  tamper: Tamper
  /** One of the checks that must object. */
  foundBy: string
}

/** Reads as if nothing had been sent. */
const forgetful =
  ({ get }: Pick<Sql, 'get'>): Sql['get'] =>
  async <R extends object>(sql: string, ...values: Value[]) => {
    const row = await get<R>(sql, ...values)
    return row && 'status' in row ? { ...row, status: 'waiting' } : row
  }

const SEEDS = 30
const ORDERS = 40

const mutants: Mutant[] = [
  {
    name: 'a consumer that acks before it has committed',
    foundBy: 'no story has a gap',
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
    foundBy: 'no queue holds anything',
    tamper: {
      broker: (broker) => ({
        ...broker,
        subscribe: (queue, prefetch, onDelivery) =>
          broker.subscribe(queue, prefetch, (delivery) => onDelivery({ ...delivery, ack: () => undefined })),
      }),
    },
  },
  {
    name: 'an outbox that is never read back',
    foundBy: 'no outbox holds anything',
    tamper: {
      database: (database) => ({
        ...database,
        all: async (sql, ...values) => (sql.includes('from outbox') ? [] : database.all(sql, ...values)),
      }),
    },
  },
  {
    name: 'an outbox that forgets before the broker has confirmed',
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
    name: 'a reservation that is made again when its message comes again',
    foundBy: 'stock moved for what was completed, and only for that',
    tamper: {
      handlers: (handlers, queue) =>
        queue !== 'inventory.queue'
          ? handlers
          : handlers.map((handler) => ({
              ...handler,
              async handle(event, tx: Sql, context, answer) {
                if (handler.type === 'payment.success')
                  await tx.run(
                    "update stock set available = available - 1, committed = committed + 1 where sku = 'item1'",
                  )
                return handler.handle(event, tx, context, answer)
              },
            })),
    },
  },
  {
    name: 'a handler that says it again at every delivery, with the time of its own',
    foundBy: 'every message says what it said first',
    tamper: {
      database: (database, service) =>
        service !== 'shipping-service'
          ? database
          : {
              ...database,
              transaction: (work) =>
                database.transaction((tx) =>
                  work({
                    ...tx,
                    get: async (sql, ...values) =>
                      sql.includes('from shipments') ? undefined : tx.get(sql, ...values),
                    run: async (sql, ...values) => (sql.includes('into shipments') ? 1 : tx.run(sql, ...values)),
                  }),
                ),
            },
    },
  },
  {
    name: 'a gateway that ignores its key',
    foundBy: 'money: charged once, given back when cancelled',
    tamper: {
      outside(outside) {
        let charges = 0
        return {
          ...outside,
          gateway: {
            ...outside.gateway,
            async charge(request, signal) {
              const settlement = await outside.gateway.charge(request, signal)
              return settlement.outcome === 'charged' ? { ...settlement, chargeId: `ch_${++charges}` } : settlement
            },
          },
        }
      },
    },
  },
  {
    name: 'a refund that is forgotten',
    foundBy: 'money: charged once, given back when cancelled',
    tamper: {
      handlers: (handlers) =>
        handlers.map((handler) =>
          handler.type === 'payment.void' ? { type: handler.type, handle: async () => [] } : handler,
        ),
    },
  },
  {
    name: 'a carrier that gives a new parcel to every question',
    foundBy: 'parcels: one for each order that was shipped',
    tamper: {
      outside(outside) {
        let parcels = 0
        return {
          ...outside,
          carrier: {
            async book(request, signal) {
              const booking = await outside.carrier.book(request, signal)
              return booking.outcome === 'booked' ? { ...booking, trackingId: `parcel-${++parcels}` } : booking
            },
          },
        }
      },
    },
  },
  {
    name: 'a notification that is sent again although it was sent',
    foundBy: 'no provider is asked twice without need',
    tamper: {
      database: (database, service) =>
        service !== 'notification-service'
          ? database
          : {
              ...database,
              get: forgetful(database),
              transaction: (work) => database.transaction((tx) => work({ ...tx, get: forgetful(tx) })),
            },
    },
  },
  {
    name: 'a service that does not listen to one of its events',
    foundBy: 'every dead letter is accounted for',
    tamper: {
      handlers: (handlers, queue) =>
        queue === 'order.queue' ? handlers.filter(({ type }) => type !== 'shipping.delivered') : handlers,
    },
  },
  {
    name: 'a payment that gives up at the first fault',
    foundBy: 'every order has ended as it may',
    tamper: {
      handlers: (handlers) =>
        handlers.map((handler) =>
          handler.type === 'inventory.reserved' && handler.ask
            ? {
                ...handler,
                ask: async () => {
                  throw new PermanentError('broken', 'the gateway cannot be asked')
                },
              }
            : handler,
        ),
    },
  },
]

it.each(mutants.map(({ name, ...mutant }) => [name, mutant] as const))('finds %s', async (_, { tamper, foundBy }) => {
  const found = new Set<string>()
  for (let seed = 1; seed <= SEEDS && !found.has(foundBy); seed++)
    for (const { check } of (await simulate({ seed, orders: ORDERS, copies: 1, tamper })).violations) found.add(check)
  expect([...found]).toContain(foundBy)
})
