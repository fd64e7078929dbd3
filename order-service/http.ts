// What people may ask of order-service. Nothing here waits for the broker, but for the two questions about a payment.
import { Payment, PaymentConfirm, PaymentGet } from '@orders/shared/contracts'
import { ask } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { v7 as uuid } from 'uuid'
import { createBacklog } from './backlog.ts'
import type { OrderConfig } from './config.ts'
import type { CustomerIdOf } from './customers.ts'
import { canonicalUser, linesOf, mayBePaid } from './domain.ts'
import { placeOrder, requestCancellation, requestRefund, shownTo } from './handlers.ts'
import { countWaiting, listOrders, orders } from './store.ts'
import { ById, Cancelling, Key, OrderView, Page, PlaceOrder, RefundKey, WantRefund } from './views.ts'

type Request = Parameters<Wiring<OrderConfig>['auth']['customerOf']>[0]

export function routes(app: HttpServer, wiring: Wiring<OrderConfig>, customerIdOf: CustomerIdOf): void {
  const { commit, database, broker, auth, config, now } = wiring
  const open = { onRequest: auth.customer }
  const backlog = createBacklog(() => countWaiting(database, config.ordersWaitingMax), config.ordersWaitingMax)

  /** @throws RejectedError 404 `no_such_order` */
  async function orderFor(request: Request, orderId: string) {
    const facts = (await orders.load(database, [orderId])).get(orderId) ?? []
    return { order: shownTo(auth.customerOf(request), orderId, facts), facts }
  }

  /** @throws RejectedError 403 `other_customer` when the token shown is bound to another one than `user` */
  function demandOwn(request: Request, user: string | undefined): void {
    const own = auth.customerOf(request)
    if (own === undefined || (user !== undefined && canonicalUser(user) === canonicalUser(own))) return
    throw new RejectedError(
      403,
      'other_customer',
      'this token gives access to its own customer only: say that one as user',
    )
  }

  app.post(
    '/orders',
    { ...open, schema: { body: PlaceOrder, headers: Key, response: { 202: OrderView }, summary: 'Place an order' } },
    async (request, reply) => {
      const { orderId: ownId, items, priority = 'standard', ...customer } = request.body
      demandOwn(request, customer.user)
      const key = request.headers['idempotency-key']
      const placed = { ...customer, customerId: customerIdOf(customer.user), priority, lines: linesOf(items) }
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
    async (request) => {
      const { order, facts } = await orderFor(request, request.params.id)
      return { ...order, facts: facts.map(({ type, at }) => ({ type, at })) }
    },
  )

  app.get(
    '/orders',
    {
      onRequest: async (request) => (auth.customerOf(request) === undefined ? auth.operator(request) : undefined),
      schema: { querystring: Page, summary: 'The newest orders, of one customer or of all' },
    },
    async (request) => {
      const { query } = request
      demandOwn(request, query.user)
      const page = await listOrders(database, {
        status: query.status,
        customerId: query.user === undefined ? undefined : customerIdOf(query.user),
        before: query.before,
        limit: Number(query.limit ?? 50),
      })
      return { orders: page }
    },
  )

  app.post(
    '/orders/:id/cancel',
    {
      ...open,
      schema: {
        params: ById,
        response: { 202: Cancelling },
        summary: 'Ask for a cancellation; only payment can grant it, and a repeat shows the answer',
      },
    },
    async (request, reply) => {
      const asked = { orderId: request.params.id, asker: auth.customerOf(request), at: now().toISOString() }
      const { orderId, status, cancellation } = await commit.submit(requestCancellation(asked), traceOf(request))
      if (!cancellation) throw new Error(`order ${orderId} does not know that it is to be cancelled`)
      return reply.status(202).send({ orderId, status, cancellation })
    },
  )

  app.post(
    '/orders/:id/refund',
    {
      onRequest: auth.operator,
      schema: {
        params: ById,
        headers: RefundKey,
        body: WantRefund,
        response: { 202: OrderView },
        summary: 'Ask for a refund, of the whole order or of lines; payment decides',
      },
    },
    async (request, reply) => {
      const { lines, ...wish } = request.body
      const wanted = { ...wish, ...(lines && { lines: linesOf(lines) }) }
      const asked = { key: request.headers['idempotency-key'], wanted, at: now().toISOString() }
      return reply.status(202).send(await commit.submit(requestRefund(request.params.id, asked), traceOf(request)))
    },
  )

  app.get(
    '/orders/:id/payment',
    { ...open, schema: { params: ById, response: { 200: Payment }, summary: 'Asks payment-service for the payment' } },
    async (request) => {
      const orderId = request.params.id
      const { facts } = await orderFor(request, orderId)
      if (!mayBePaid(facts))
        throw new RejectedError(404, 'no_payment', `order ${orderId} was cancelled before it came to a payment`)
      return ask(broker, PaymentGet, { orderId }, config.rpcTimeoutMs, traceOf(request))
    },
  )

  app.post(
    '/orders/:id/payment/confirm',
    { ...open, schema: { params: ById, response: { 202: Payment }, summary: 'The customer confirms the amount' } },
    async (request, reply) => {
      const orderId = request.params.id
      await orderFor(request, orderId)
      const payment = await ask(broker, PaymentConfirm, { orderId }, config.rpcTimeoutMs, traceOf(request))
      return reply.status(202).send(payment)
    },
  )
}
