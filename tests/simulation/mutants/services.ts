// Mutants of the services and of the world beyond them: handlers, stores, providers.
import { PermanentError } from '@orders/shared/runtime'
import type { Sql, Value } from '@orders/shared/storage'
import { everyNth, inHandlers, inTransactions, type Mutant } from './mutant.ts'

/** Reads as if nothing had been sent. */
const forgetful =
  ({ get }: Pick<Sql, 'get'>, isMeant = (_: object) => true): Sql['get'] =>
  async <R extends object>(sql: string, ...values: Value[]) => {
    const row = await get<R>(sql, ...values)
    return row && 'status' in row && isMeant(row) ? { ...row, status: 'waiting' } : row
  }

export const serviceMutants: Mutant[] = [
  {
    name: 'a reservation that is made again when its message comes again',
    seed: 1,
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
    seed: 1,
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
    seed: 10,
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
    seed: 6,
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
    seed: 11,
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
    seed: 1,
    foundBy: 'no provider is asked twice without need',
    tamper: {
      database: (database, service) =>
        service !== 'notification-service'
          ? database
          : {
              ...database,
              get: forgetful(database),
              transaction: (work) =>
                database.transaction((tx) => work({ ...tx, get: forgetful(tx, (row) => 'claimedBy' in row) })),
            },
    },
  },
  {
    name: 'a service that does not listen to one of its events',
    seed: 1,
    foundBy: 'every order has ended as it may',
    tamper: {
      handlers: (handlers, queue) =>
        queue === 'order.queue' ? handlers.filter(({ type }) => type !== 'shipping.delivered') : handlers,
    },
  },
  {
    name: 'a payment that gives up at the first fault',
    seed: 1,
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
  {
    name: 'a repeated request that is taken for another',
    seed: 2,
    foundBy: 'everybody is answered',
    tamper: inTransactions('order-service', () => (tx) => ({
      get: async <R extends object>(sql: string, ...values: (string | number | null)[]) => {
        const row = await tx.get<R>(sql, ...values)
        return row && sql.includes('from idempotency_keys') ? { ...row, order_id: 'another' } : row
      },
    })),
  },
  {
    name: 'an audit log that leaves out what seems unimportant',
    seed: 1,
    foundBy: 'the audit log has every event once',
    tamper: inHandlers(
      'audit.queue',
      (handle) =>
        async (event, ...rest) =>
          event.type === 'order.cancel_requested' ? [] : handle(event, ...rest),
    ),
  },
  {
    name: 'a service that does its work and does not say so',
    seed: 1,
    foundBy: 'no story has a gap',
    tamper: inHandlers('inventory.queue', (handle, type) => async (...all) => {
      const messages = await handle(...all)
      return type === 'payment.success' ? [] : messages
    }),
  },
  {
    name: 'a provider that says it has taken what it drops',
    seed: 2,
    foundBy: 'customers were told of everything',
    tamper: {
      outside: (outside) => {
        const { sender } = outside
        return {
          ...outside,
          sender: {
            ...sender,
            send: async (outgoing, signal) => (outgoing.channel === 'sms' ? 'lost' : sender.send(outgoing, signal)),
          },
        }
      },
    },
  },
  {
    name: 'a log that refuses what it has already',
    seed: 1,
    foundBy: 'every dead letter is accounted for',
    tamper: inHandlers('audit.queue', (handle) => async (event, tx, ...rest) => {
      if (await tx.get('select id from events where id = ?', event.id)) throw new PermanentError('known', 'again')
      return handle(event, tx, ...rest)
    }),
  },
  {
    name: 'an entry of the log that is changed on its way to the disk',
    seed: 1,
    foundBy: 'the chain of the audit log holds',
    tamper: inTransactions('audit-service', () => {
      const isHit = everyNth(50)
      return (tx) => ({
        run: (sql, ...values) =>
          tx.run(sql, ...(sql.includes('into events') && isHit() ? values.with(6, 'never') : values)),
      })
    }),
  },
  {
    name: 'an order whose row is not brought up to date',
    seed: 1,
    foundBy: 'the orders rebuilt from their facts are the same',
    tamper: inTransactions('order-service', () => {
      const isHit = everyNth(5)
      return (tx) => ({
        run: (sql, ...values) =>
          tx.run(sql, ...(sql.includes('into orders') && isHit() ? values.with(1, 'somebody') : values)),
      })
    }),
  },
  {
    name: 'a handler that notes when it last heard of an order',
    seed: 1,
    foundBy: 'old messages that come again change nothing',
    tamper: inHandlers('inventory.queue', (handle) => async (event, tx, context, answer) => {
      const messages = await handle(event, tx, context, answer)
      await tx.run('update reservations set updated_at = ? where order_id = ?', context.now, event.subject)
      return messages
    }),
  },
]
