// What order-service says: the customer's side of an order's life.
import { type Static, Type } from 'typebox'
import { event } from './define.ts'
import {
  Cents,
  Currency,
  Customer,
  CustomerId,
  Instant,
  Line,
  PriceChange,
  PricedLine,
  personal,
  RefundRequest,
} from './shapes.ts'

export const OrderStatus = Type.Union([
  Type.Literal('created'),
  Type.Literal('reserved'),
  Type.Literal('awaiting_confirmation'),
  Type.Literal('paid'),
  Type.Literal('shipped'),
  Type.Literal('completed'),
  Type.Literal('cancelled'),
])
export type OrderStatus = Static<typeof OrderStatus>

export const OrderCreated = event('order.created', {
  summary: 'A customer placed an order; it is safe on disk.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Array(Line, { minItems: 1 }),
    expectedTotalCents: Type.Optional({
      ...Cents,
      description: 'what the customer agreed to pay; at another total nothing is set aside',
    }),
  }),
})

export const OrderCancelRequested = event('order.cancel_requested', {
  summary: 'The customer asked to cancel. Only payment decides whether that was in time.',
  data: Type.Object({ user: Type.String(personal), customerId: Type.Optional(CustomerId) }),
})

export const RefundRequested = Type.Object({
  ...Customer.properties,
  request: RefundRequest,
  lines: Type.Array(PricedLine, { minItems: 1, description: 'what is given back' }),
  totalCents: Cents,
  currency: Type.Optional(Currency),
  reason: Type.String(),
  returnToStock: Type.Boolean({ description: 'whether the goods are put back into stock' }),
})
export type RefundRequested = Static<typeof RefundRequested>

export const OrderRefundRequested = event('order.refund_requested', {
  summary: 'An operator wants a part of the money, or all of it, given back. Only payment does so, or says why not.',
  data: RefundRequested,
})

const Progress = Type.Object({
  ...Customer.properties,
  lines: Type.Optional(Type.Array(PricedLine)),
  totalCents: Type.Optional(Cents),
  currency: Type.Optional(Currency),
})

export const OrderPaid = event('order.paid', { summary: 'The order is paid.', data: Progress })

export const OrderShipped = event('order.shipped', {
  summary: 'The order is on its way.',
  data: Type.Object({
    ...Progress.properties,
    trackingId: Type.Optional(Type.String()),
    carrier: Type.Optional(Type.String()),
    trackingUrl: Type.Optional(Type.String({ maxLength: 2048 })),
  }),
})

export const OrderCompleted = event('order.completed', {
  summary: 'The order was delivered; its story ends well.',
  data: Progress,
})

export const OrderCancelled = event('order.cancelled', {
  summary: 'The order will not be delivered; its story ends here.',
  data: Type.Object({
    ...Progress.properties,
    reason: Type.String(),
    priceChange: Type.Optional(PriceChange),
  }),
})

export const OrderCustomerForgotten = event('order.customer_forgotten', {
  summary: 'Every service has dropped the keys of a customer, whose pseudonym is the subject: the receipt.',
  data: Type.Object({
    request: Type.String({ maxLength: 64, description: 'which of this customer: 1, 2, …' }),
    requestedAt: Instant,
    services: Type.Array(Type.String(), { description: 'those that have said so' }),
  }),
})

export const OrderCustomerExported = event('order.customer_exported', {
  summary: 'An operator was given all that is held of a customer, whose pseudonym is the subject.',
  data: Type.Object({
    operator: Type.String({ minLength: 1, maxLength: 100, description: 'who asked for it' }),
    reason: Type.String({ minLength: 1, maxLength: 400, description: 'and why' }),
  }),
})
