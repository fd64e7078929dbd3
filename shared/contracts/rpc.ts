// The two questions order-service asks payment-service over `payment.rpc.queue`, and their answers.
import { type Static, Type } from 'typebox'
import { rpc } from './define.ts'
import { Cents, Instant, OrderId } from './shapes.ts'

export const Payment = Type.Object({
  orderId: OrderId,
  status: Type.Union([
    Type.Literal('pending', {
      description: 'nothing is decided yet: the gateway is being asked, or the order has not come so far',
    }),
    Type.Literal('cancel_requested'),
    Type.Literal('awaiting_confirmation'),
    Type.Literal('confirmed'),
    Type.Literal('succeeded'),
    Type.Literal('failed'),
    Type.Literal('refunded'),
  ]),
  totalCents: Type.Union([Cents, Type.Null()]),
  refundedCents: Type.Optional(Cents),
  reason: Type.Union([Type.String(), Type.Null()]),
  chargeId: Type.Union([Type.String(), Type.Null()]),
  confirmBefore: Type.Union([Instant, Type.Null()]),
  updatedAt: Instant,
})
export type Payment = Static<typeof Payment>

export const PaymentGet = rpc('payment.get', {
  queue: 'payment.rpc.queue',
  summary: 'Where does the payment of this order stand?',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})

export const PaymentConfirm = rpc('payment.confirm', {
  queue: 'payment.rpc.queue',
  summary: 'The customer confirms the amount.',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})
