// Mutants of the services and of the world beyond them: handlers, stores, providers.
import { owned } from '@orders/shared/messaging'
import { PermanentError } from '@orders/shared/runtime'
import type { Parameter, Row, Sql } from '@orders/shared/storage'
import { moved } from '../../../inventory-service/domain.ts'
import { reservations, stock } from '../../../inventory-service/store.ts'
import { tellings } from '../../../notification-service/store.ts'
import { everyNth, inHandlers, inTransactions, type Mutant } from './mutant.ts'

/** Reads where a channel stands as if no mail had been sent. */
const forgetful =
  ({ all }: Pick<Sql, 'all'>): Sql['all'] =>
  async <R extends object>(sql: string, ...values: Parameter[]) => {
    const rows = await all<R>(sql, ...values)
    if (!sql.includes('from deliveries')) return rows
    const isSentMail = (row: Partial<Row>) => row.channel === 'email' && row.status === 'sent'
    return rows.map((row) => (isSentMail(row) ? { ...row, status: 'waiting' } : row))
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
              reads: (event, known) => [...handler.reads(event, known), owned(stock, 'item1')],
              decide(event, draft, context, answer) {
                const known = draft.get(stock, 'item1')
                if (known && handler.type === 'payment.success')
                  draft.set(stock, 'item1', moved(known, { sku: 'item1', available: -1, reserved: 0, committed: 1 }))
                return handler.decide(event, draft, context, answer)
              },
            })),
    },
  },
  {
    name: 'a handler that says it again at every delivery, with the time of its own',
    seed: 1,
    foundBy: 'every message says what it said first',
    tamper: inTransactions('shipping-service', () => (tx) => ({
      all: async (sql, ...values) => (sql.includes('from shipments') ? [] : tx.all(sql, ...values)),
      run: async (sql, ...values) => (sql.includes('into shipments') ? 1 : tx.run(sql, ...values)),
    })),
  },
  {
    name: 'a gateway that ignores its key',
    seed: 23,
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
    name: 'a reservation at whatever it costs by then',
    seed: 26,
    foundBy: 'money: charged once, given back when cancelled',
    tamper: {
      handlers: (handlers) =>
        handlers.map((handler) =>
          handler.type !== 'order.created'
            ? handler
            : {
                ...handler,
                decide: (event, ...rest) =>
                  handler.decide(
                    { ...event, data: { ...(event.data as object), expectedTotalCents: undefined } },
                    ...rest,
                  ),
              },
        ),
    },
  },
  {
    name: 'a refund that is forgotten',
    seed: 6,
    foundBy: 'money: charged once, given back when cancelled',
    tamper: {
      handlers: (handlers) =>
        handlers.map((handler) =>
          handler.type === 'payment.void' ? { type: handler.type, reads: () => [], decide: () => [] } : handler,
        ),
    },
  },
  {
    name: 'a refund that an operator wants and that is not booked',
    seed: 1,
    foundBy: 'money: charged once, given back when cancelled',
    tamper: inTransactions('payment-service', () => (tx) => ({
      all: async <R extends object>(sql: string, ...values: Parameter[]) => {
        const rows = await tx.all<R>(sql, ...values)
        return sql.includes('from payments') ? rows.map((row) => ({ ...row, refunds: null })) : rows
      },
    })),
  },
  {
    name: 'goods that come back twice',
    seed: 1,
    foundBy: 'stock moved for what was completed, and only for that',
    tamper: {
      handlers: (handlers, queue) =>
        queue !== 'inventory.queue'
          ? handlers
          : handlers.map((handler) => ({
              ...handler,
              decide(event, draft, context, answer) {
                const messages = handler.decide(event, draft, context, answer)
                const known = handler.type === 'payment.refunded' && draft.get(reservations, event.subject)
                for (const { sku, quantity } of known ? known.lines : []) {
                  const before = draft.get(stock, sku)
                  const back = { sku, available: quantity, reserved: 0, committed: -quantity }
                  if (before && before.committed >= quantity) draft.set(stock, sku, moved(before, back))
                }
                return messages
              },
            })),
    },
  },
  {
    name: 'a carrier that gives a new parcel to every question',
    seed: 47,
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
    name: 'news that are sent whatever was said of their order before',
    seed: 1,
    foundBy: 'customers were told what was still true, in the order of the facts',
    tamper: inTransactions('notification-service', () => (tx) => ({
      all: async (sql, ...values) => (sql.includes('order_id as subject') ? [] : tx.all(sql, ...values)),
    })),
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
              all: forgetful(database),
              transaction: (work) => database.transaction((tx) => work({ ...tx, all: forgetful(tx) })),
            },
      // What has its receipt is not said again: only the provider hears of it twice.
      ...inHandlers('notification.email.queue', (decide) => (event, draft, ...rest) => {
        const { notificationId } = event.data as { notificationId: string }
        const hasReceipt = draft.get(tellings, notificationId)?.standings.email?.providerId
        return hasReceipt ? [] : decide(event, draft, ...rest)
      }),
    },
  },
  {
    name: 'a service that does not listen to one of its events',
    seed: 1,
    foundBy: 'nothing waits to be tried again',
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
    seed: 12,
    foundBy: 'everybody is answered',
    tamper: inTransactions('order-service', () => (tx) => ({
      all: async <R extends object>(sql: string, ...values: Parameter[]) => {
        const rows = await tx.all<R>(sql, ...values)
        return sql.includes('from idempotency_keys') ? rows.map((row) => ({ ...row, fingerprint: 'another' })) : rows
      },
    })),
  },
  {
    name: 'an audit log that leaves out what seems unimportant',
    seed: 1,
    foundBy: 'the audit log has every event once',
    tamper: inHandlers(
      'audit.queue',
      (decide) =>
        (event, ...rest) =>
          event.type === 'order.cancel_requested' ? [] : decide(event, ...rest),
    ),
  },
  {
    name: 'a service that does its work and does not say so',
    seed: 1,
    foundBy: 'no story has a gap',
    tamper: inHandlers('inventory.queue', (decide, type) => (...all) => {
      const messages = decide(...all)
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
    tamper: {
      handlers: (handlers, queue) =>
        queue !== 'audit.queue'
          ? handlers
          : handlers.map((handler) => ({
              ...handler,
              decide(event, draft, context, answer) {
                // What it only reads is what is known of the event.
                const known = handler.reads(event, draft).find(({ isOwned }) => !isOwned)
                if (known && draft.get(known.state, known.key) !== undefined) throw new PermanentError('known', 'again')
                return handler.decide(event, draft, context, answer)
              },
            })),
    },
  },
  {
    name: 'an entry of the log that is changed on its way to the disk',
    seed: 1,
    foundBy: 'the tree of the audit log holds',
    tamper: inTransactions('audit-service', () => {
      const isHit = everyNth(50)
      return (tx) => ({
        run: (sql, ...values) =>
          tx.run(sql, ...(sql.includes('into blocks') && isHit() ? values.with(3, Buffer.alloc(32)) : values)),
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
    tamper: inHandlers('inventory.queue', (decide) => (event, draft, context, answer) => {
      const messages = decide(event, draft, context, answer)
      const known = draft.get(reservations, event.subject)
      if (known) draft.set(reservations, event.subject, { ...known, updatedAt: context.now })
      return messages
    }),
  },
]
