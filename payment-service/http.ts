// The HTTP routes of payment-service, for operators. Customers use order-service.
import { Cents, Instant, InventoryReserved, OrderId, Payment, RefundRequest } from '@orders/shared/contracts'
import { about, listRetries } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { askAgain } from './abandoned.ts'
import { noPaymentYet, pendingSince, refundsOf, replyOf } from './answers.ts'
import type { Begun } from './begun.ts'
import type { PaymentConfig } from './config.ts'
import type { Payment as Kept } from './domain.ts'
import { payments } from './store.ts'

const ByOrder = Type.Object({ orderId: OrderId })
const Refund = Type.Object({
  request: Type.Optional({
    ...RefundRequest,
    description: 'Number of the refund request. Missing: a refund that nobody requested',
  }),
  amountCents: Cents,
  status: Type.Union([
    Type.Literal('due', { description: 'Owed, and tried until it succeeds' }),
    Type.Literal('done'),
    Type.Literal('refused'),
    Type.Literal('given_up', { description: 'Still owed, and no longer tried' }),
  ]),
  why: Type.Optional(Type.String({ description: 'Why it was given up, and the last error' })),
  at: Type.Optional(Instant),
})
const PaymentView = Type.Object({ ...Payment.properties, refunds: Type.Optional(Type.Array(Refund)) })
const viewOf = (payment: Kept) => ({ ...replyOf(payment), refunds: refundsOf(payment) })

export function routes(app: HttpServer, { auth, commit, database, now }: Wiring<PaymentConfig>, begun: Begun): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/payments/:orderId',
    {
      ...operators,
      schema: {
        params: ByOrder,
        response: { 200: PaymentView },
        problems: { 404: ['no_payment_yet'] },
        operationId: 'getPayment',
        summary: 'The payment of an order, and its refunds',
      },
    },
    async ({ params: { orderId } }) => {
      const payment = (await payments.load(database, [orderId])).get(orderId)
      if (payment) return viewOf(payment)
      const [waiting] = await listRetries(database, { type: InventoryReserved.type, subject: orderId, limit: 1 })
      if (waiting) return pendingSince(orderId, waiting.keptAt)
      if (begun.has(orderId)) return pendingSince(orderId, now().toISOString())
      throw noPaymentYet(orderId)
    },
  )

  app.post(
    '/payments/:orderId/refund',
    {
      ...operators,
      schema: {
        params: ByOrder,
        response: { 202: PaymentView },
        problems: { 404: ['no_payment_yet'], 409: ['nothing_given_up'] },
        operationId: 'refundAgain',
        summary: 'Try refunds again that were given up',
      },
    },
    async (request, reply) => {
      const { orderId } = request.params
      const again = about(payments, orderId, (payment) => {
        if (!payment) throw noPaymentYet(orderId)
        const decision = askAgain(payment, now().toISOString())
        const after = decision.state ?? payment
        if (!after.refunds.some(({ status }) => status === 'due'))
          throw new RejectedError(409, 'nothing_given_up', `no refund of order ${orderId} was given up`)
        return { ...decision, result: viewOf(after) }
      })
      return reply.status(202).send(await commit.submit(again, traceOf(request)))
    },
  )
}
