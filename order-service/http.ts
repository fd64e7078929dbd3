// The HTTP routes of order-service. Only the two payment routes and an order with `expectedTotalCents` wait for the broker.
import { canonicalUser, demandEmail, Payment, PaymentConfirm, PaymentGet } from '@orders/shared/contracts'
import { ask } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { v7 as uuid } from 'uuid'
import { createBacklog } from './backlog.ts'
import type { OrderConfig } from './config.ts'
import type { CustomerIdOf } from './customers.ts'
import { linesOf, mayBePaid } from './domain.ts'
import { placeOrder, requestCancellation, requestRefund, shownTo } from './handlers.ts'
import { placeAtPrice } from './placing.ts'
import { countWaiting, listOrders, orders } from './store.ts'
import {
  ById,
  Cancelling,
  Key,
  Orders,
  OrderView,
  OrderWithFacts,
  Page,
  PlaceOrder,
  RefundKey,
  WantRefund,
} from './views.ts'

/** The problems of a question to payment-service that gets no valid answer. */
const UNANSWERED = { 502: ['bad_answer'], 503: ['broker_unavailable'], 504: ['no_answer_in_time'] }

type Request = Parameters<Wiring<OrderConfig>['auth']['customerOf']>[0]

export function routes(app: HttpServer, wiring: Wiring<OrderConfig>, customerIdOf: CustomerIdOf): void {
  const { commit, openKey, database, broker, auth, config, now } = wiring
  const open = { onRequest: auth.customer }
  const backlog = createBacklog(() => countWaiting(database, config.ordersWaitingMax), config.ordersWaitingMax)

  /** @throws RejectedError 404 `no_such_order` */
  async function orderFor(request: Request, orderId: string) {
    const facts = (await orders.load(database, [orderId])).get(orderId) ?? []
    return { order: shownTo(auth.customerOf(request), orderId, facts), facts }
  }

  /**
   * payment-service does not know that an order without reserved goods never gets a payment, so this is checked here.
   *
   * @throws RejectedError 404 `no_such_order`, 404 `no_payment`
   */
  async function demandPayable(request: Request, orderId: string): Promise<void> {
    const { facts } = await orderFor(request, orderId)
    if (!mayBePaid(facts))
      throw new RejectedError(404, 'no_payment', `order ${orderId} was cancelled before a payment began`)
  }

  /** @throws RejectedError 403 `other_customer` if the token belongs to a customer other than `user` */
  function demandOwn(request: Request, user: string | undefined): void {
    const own = auth.customerOf(request)
    if (own === undefined || (user !== undefined && canonicalUser(user) === canonicalUser(own))) return
    throw new RejectedError(
      403,
      'other_customer',
      'this token gives access to one customer only: send that customer’s name as user',
    )
  }

  app.post(
    '/orders',
    {
      ...open,
      schema: {
        body: PlaceOrder,
        headers: Key,
        response: { 202: OrderView },
        problems: {
          400: ['bad_address'],
          403: ['other_customer'],
          409: ['order_exists', 'price_changed', 'unknown_sku'],
          422: ['idempotency_key_reused'],
          502: ['bad_answer'],
          503: ['backlog_full'],
          504: ['no_answer_in_time'],
        },
        operationId: 'placeOrder',
        summary: 'Place an order',
        description:
          'When the service answers, the order is on disk, even if the broker is down. ' +
          'A repeat with the same `orderId` or `Idempotency-Key` gets the same answer and places no order.',
      },
    },
    async (request, reply) => {
      const { orderId: ownId, items, priority = 'standard', ...customer } = request.body
      demandOwn(request, customer.user)
      demandEmail(customer.contact?.email, 'contact.email')
      const key = request.headers['idempotency-key']
      const placed = { ...customer, customerId: customerIdOf(customer.user), priority, lines: linesOf(items) }
      await backlog.takeOne()
      await openKey(placed.customerId)
      const orderId = ownId ?? uuid()
      const placement = { orderId, isOwnId: ownId !== undefined, key, placed, at: now().toISOString() }
      const trace = traceOf(request)
      const order = await placeAtPrice(placed, {
        ...{ broker, timeoutMs: config.rpcTimeoutMs, cause: trace },
        place: (price) => commit.submit(placeOrder({ ...placement, price }), trace),
      })
      return reply.status(202).header('location', `/orders/${order.orderId}`).send(order)
    },
  )

  app.get(
    '/orders/:id',
    {
      ...open,
      schema: {
        params: ById,
        response: { 200: OrderWithFacts },
        problems: { 404: ['no_such_order'] },
        operationId: 'getOrder',
        summary: 'An order’s status, and the facts from which it is derived',
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
      onRequest: auth.namedCustomer,
      schema: {
        querystring: Page,
        response: { 200: Orders },
        problems: { 403: ['token_refused', 'other_customer'] },
        operationId: 'listOrders',
        summary: 'The newest orders, of one customer or of all',
        description: 'A customer with a token of their own sees only their orders, and must send their name as `user`.',
      },
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
        problems: { 404: ['no_such_order'], 409: ['order_already_paid', 'order_already_cancelled'] },
        operationId: 'cancelOrder',
        summary: 'Request a cancellation; payment-service decides, and a repeat shows the answer',
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
        problems: {
          404: ['no_such_order'],
          409: ['nothing_left_to_refund', 'order_already_cancelled', 'parcel_in_preparation', 'order_not_paid'],
          422: ['idempotency_key_reused'],
        },
        operationId: 'refundOrder',
        summary: 'Request a refund of the whole order or of lines; payment-service decides',
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
    {
      ...open,
      schema: {
        params: ById,
        response: { 200: Payment },
        problems: { 404: ['no_such_order', 'no_payment', 'no_payment_yet'], ...UNANSWERED },
        operationId: 'getOrderPayment',
        summary: 'The payment of an order, from payment-service',
      },
    },
    async (request) => {
      const orderId = request.params.id
      await demandPayable(request, orderId)
      return ask(broker, PaymentGet, { orderId }, config.rpcTimeoutMs, traceOf(request))
    },
  )

  app.post(
    '/orders/:id/payment/confirm',
    {
      ...open,
      schema: {
        params: ById,
        response: { 202: Payment },
        problems: {
          404: ['no_such_order', 'no_payment', 'no_payment_yet'],
          409: ['payment_failed', 'payment_refunded', 'cancellation_requested', 'confirmation_not_needed'],
          ...UNANSWERED,
        },
        operationId: 'confirmOrderPayment',
        summary: 'Confirm a payment, as the customer',
      },
    },
    async (request, reply) => {
      const orderId = request.params.id
      await demandPayable(request, orderId)
      const payment = await ask(broker, PaymentConfirm, { orderId }, config.rpcTimeoutMs, traceOf(request))
      return reply.status(202).send(payment)
    },
  )
}
