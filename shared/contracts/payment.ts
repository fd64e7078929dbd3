// What payment-service says: the only writer of "paid or not".
import { Type } from 'typebox'
import { event, task, timer } from './define.ts'
import { RefundRequested } from './order.ts'
import { Cents, Currency, Customer, Instant, Ordered, PricedLine, RefundRequest } from './shapes.ts'

export const PaymentSuccess = event('payment.success', {
  summary: 'The customer was charged, once.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Array(PricedLine),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    chargeId: Type.String(),
  }),
})

export const PaymentFailed = event('payment.failed', {
  summary: 'The order will not be paid: declined, gateway_unavailable, cancelled_by_customer or confirmation_timeout.',
  data: Type.Object({ reason: Type.String(), totalCents: Cents, currency: Type.Optional(Currency) }),
})

export const PaymentConfirmationRequired = event('payment.confirmation_required', {
  summary: 'The amount needs the customer’s word before the deadline.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Optional(Type.Array(PricedLine)),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    confirmBefore: Instant,
  }),
})

export const PaymentRefunded = event('payment.refunded', {
  summary: 'The charge, or a part of it, was given back.',
  data: Type.Object({
    ...Type.Partial(Customer).properties,
    lines: Type.Optional(Type.Array(PricedLine, { description: 'what is given back; missing: the whole order' })),
    totalCents: Cents,
    currency: Type.Optional(Currency),
    refundId: Type.String(),
    reason: Type.String(),
    request: Type.Optional(RefundRequest),
    returnToStock: Type.Optional(Type.Boolean({ description: 'whether the goods are put back into stock' })),
  }),
})

export const PaymentRefundRefused = event('payment.refund_refused', {
  summary: 'What an operator wanted given back is not: nothing_left, or what the payment provider says.',
  data: Type.Object({ request: RefundRequest, reason: Type.String() }),
})

export const PaymentRefundAbandoned = event('payment.refund_abandoned', {
  summary: 'An operator gave up what was owed: the charge, or a part of it, has not gone back.',
  data: Type.Object({
    totalCents: { ...Cents, description: 'at most: whether there was a charge may be unknown' },
    currency: Type.Optional(Currency),
    reason: Type.String(),
  }),
})

export const PaymentVoided = event('payment.voided', {
  summary: 'Nothing had been charged, nor will be: said where somebody had given up finding out.',
  data: Type.Object({}),
})

export const PaymentDeadline = timer('payment.deadline', {
  queue: 'payment.deadline.queue',
  summary: 'A timer: the customer’s time to confirm is over.',
  data: Type.Object({}),
})

export const PaymentCharge = task('payment.charge', {
  queue: 'payment.queue',
  summary: 'The customer confirmed: charge now, with the same care as an order that needs no confirmation.',
  data: Type.Object({}),
})

export const PaymentVoid = task('payment.void', {
  queue: 'payment.queue',
  summary: 'The gateway never answered: look the charge up by its key, refund it if it exists, block it if not.',
  data: Ordered,
})

export const PaymentRefund = task('payment.refund', {
  queue: 'payment.queue',
  summary: 'A refund that was asked for and booked: see to it at the gateway.',
  data: RefundRequested,
})
