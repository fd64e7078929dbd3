// What people may ask of order-service. Nothing here waits for the broker, but for the two questions about a payment.
import {
  Locale,
  OrderId,
  OrderPriority,
  OrderStatus,
  Payment,
  PaymentConfirm,
  PaymentGet,
  Sku,
} from '@orders/shared/contracts'
import { ask } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { v7 as uuid } from 'uuid'
import { createBacklog } from './backlog.ts'
import type { OrderConfig } from './config.ts'
import { type Fact, linesOf, type Order, orderOf } from './domain.ts'
import { placeOrder, requestCancellation } from './handlers.ts'
import { countWaiting, listOrders, orders } from './store.ts'

const Quantity = Type.Integer({ minimum: 1, maximum: 10_000 })
const Item = Type.Union([Sku, Type.Object({ sku: Sku, quantity: Quantity }, { additionalProperties: false })])

export const PlaceOrder = Type.Object(
  {
    orderId: Type.Optional(OrderId),
    user: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
    items: Type.Array(Item, { minItems: 1, maxItems: 200 }),
    priority: Type.Optional(OrderPriority),
    contact: Type.Optional(
      Type.Object(
        {
          email: Type.Optional(Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;]+@[^\\s@<>,;]+$' })),
          phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
          push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
          webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' })),
          locale: Type.Optional(Locale),
        },
        { additionalProperties: false },
      ),
    ),
    paymentMethod: Type.Optional(Type.String({ pattern: '^tok_[A-Za-z0-9_]{1,60}$' })),
    shippingAddress: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
  },
  { additionalProperties: false },
)

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const OrderView = Type.Object({
  orderId: OrderId,
  user: Type.String(),
  status: OrderStatus,
  reason: Nullable(Type.String()),
  priority: OrderPriority,
  lines: Type.Array(Type.Object({ sku: Sku, quantity: Type.Integer(), unitPriceCents: Type.Optional(Type.Integer()) })),
  totalCents: Nullable(Type.Integer()),
  trackingId: Nullable(Type.String()),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})
const ById = Type.Object({ id: OrderId })
const Key = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })
const Page = Type.Object(
  {
    status: Type.Optional(OrderStatus),
    before: Type.Optional(OrderId),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)

export function routes(app: HttpServer, wiring: Wiring<OrderConfig>): void {
  const { commit, database, broker, auth, config, now } = wiring
  const open = { onRequest: auth.customer }
  const backlog = createBacklog(() => countWaiting(database, config.ordersWaitingMax), config.ordersWaitingMax)

  /** @throws RejectedError 404 `no_such_order` */
  async function orderWith(orderId: string): Promise<{ order: Order; facts: readonly Fact[] }> {
    const facts = (await orders.load(database, [orderId])).get(orderId) ?? []
    const order = orderOf(orderId, facts)
    if (!order) throw new RejectedError(404, 'no_such_order', `no order ${orderId}`)
    return { order, facts }
  }

  app.post(
    '/orders',
    { ...open, schema: { body: PlaceOrder, headers: Key, response: { 202: OrderView }, summary: 'Place an order' } },
    async (request, reply) => {
      const { orderId: ownId, items, priority = 'standard', ...customer } = request.body
      const key = request.headers['idempotency-key']
      const placed = { ...customer, priority, lines: linesOf(items) }
      await backlog.takeOne()
      const orderId = ownId ?? uuid()
      const placement = { orderId, isOwnId: ownId !== undefined, key, placed, at: now().toISOString() }
      const order = await commit.submit(placeOrder(placement), traceOf(request))
      return reply.status(202).header('location', `/orders/${order.orderId}`).send(order)
    },
  )

  app.get(
    '/orders/:id',
    {
      ...open,
      schema: {
        params: ById,
        summary: 'Where an order stands, and the dated facts it follows from',
      },
    },
    async ({ params }) => {
      const { order, facts } = await orderWith(params.id)
      return { ...order, facts: facts.map(({ type, at }) => ({ type, at })) }
    },
  )

  app.get(
    '/orders',
    { onRequest: auth.operator, schema: { querystring: Page, summary: 'The newest orders' } },
    async ({ query }) => {
      const page = await listOrders(database, {
        status: query.status,
        before: query.before,
        limit: Number(query.limit ?? 50),
      })
      return { orders: page }
    },
  )

  app.post(
    '/orders/:id/cancel',
    { ...open, schema: { params: ById, summary: 'Ask for a cancellation; only payment can grant it' } },
    async (request, reply) => {
      const order = await commit.submit(requestCancellation(request.params.id, now().toISOString()), traceOf(request))
      return reply.status(202).send({ orderId: order.orderId, status: order.status, cancellation: 'requested' })
    },
  )

  app.get(
    '/orders/:id/payment',
    { ...open, schema: { params: ById, response: { 200: Payment }, summary: 'Asks payment-service for the payment' } },
    async (request) => {
      const orderId = request.params.id
      await orderWith(orderId)
      return ask(broker, PaymentGet, { orderId }, config.rpcTimeoutMs, traceOf(request))
    },
  )

  app.post(
    '/orders/:id/payment/confirm',
    { ...open, schema: { params: ById, response: { 202: Payment }, summary: 'The customer confirms the amount' } },
    async (request, reply) => {
      const orderId = request.params.id
      await orderWith(orderId)
      const payment = await ask(broker, PaymentConfirm, { orderId }, config.rpcTimeoutMs, traceOf(request))
      return reply.status(202).send(payment)
    },
  )
}
