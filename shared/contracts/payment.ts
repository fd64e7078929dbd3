// The messages of payment-service: the only writer of "paid or not".
import { Type } from 'typebox'
import { event, task, timer } from './define.ts'
import { RefundRequested } from './order.ts'
import { Cents, Currency, Customer, Instant, Ordered, PricedLine, RefundRequest } from './shapes.ts'

export const PaymentSuccess = event('payment.success', {
  summary: 'The payment provider charged the customer.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Array(PricedLine),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    chargeId: Type.String(),
  }),
})

export const PaymentFailed = event('payment.failed', {
  summary:
    'The payment failed, for example as declined, gateway_unavailable, cancelled_by_customer or confirmation_timeout.',
  data: Type.Object({ reason: Type.String(), totalCents: Cents, currency: Type.Optional(Currency) }),
})

export const PaymentConfirmationRequired = event('payment.confirmation_required', {
  summary: 'The customer must confirm the payment before confirmBefore.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Optional(Type.Array(PricedLine)),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    confirmBefore: Instant,
  }),
})

export const PaymentRefunded = event('payment.refunded', {
  summary: 'The charge, or a part of it, was refunded.',
  data: Type.Object({
    ...Type.Partial(Customer).properties,
    lines: Type.Optional(Type.Array(PricedLine, { description: 'The refunded lines. Missing: the whole order' })),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    refundId: Type.String(),
    reason: Type.String(),
    request: Type.Optional(RefundRequest),
    returnToStock: Type.Optional(Type.Boolean({ description: 'true: the goods go back into stock' })),
  }),
})

export const PaymentRefundRefused = event('payment.refund_refused', {
  summary: 'A requested refund was refused: nothing_left, or the reason that the payment provider gave.',
  data: Type.Object({ request: RefundRequest, reason: Type.String() }),
})

export const PaymentRefundAbandoned = event('payment.refund_abandoned', {
  summary: 'An operator gave up a refund. The charge, or a part of it, is still owed.',
  data: Type.Object({
    totalCents: { ...Cents, description: 'The most that is owed: it may be unknown whether the charge exists' },
    currency: Type.Optional(Currency),
    reason: Type.String(),
  }),
})

export const PaymentVoided = event('payment.voided', {
  summary: 'There was no charge, and there will be none. Published only if an operator had given up the void before.',
  data: Type.Object({}),
})

export const PaymentDeadline = timer('payment.deadline', {
  queue: 'payment.deadline.queue',
  summary: 'Timer: the customer’s time to confirm is over.',
  data: Type.Object({}),
})

export const PaymentCharge = task('payment.charge', {
  queue: 'payment.queue',
  summary: 'The customer has confirmed: charge now.',
  data: Type.Object({}),
})

export const PaymentVoid = task('payment.void', {
  queue: 'payment.queue',
  summary: 'Look up the charge at the payment provider by its key: refund it if it exists, void the key if not.',
  data: Ordered,
})

export const PaymentRefund = task('payment.refund', {
  queue: 'payment.queue',
  summary: 'Make a recorded refund at the payment provider.',
  data: RefundRequested,
})
