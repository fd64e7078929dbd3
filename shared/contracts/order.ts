// The events of order-service: an order's life as the customer sees it.
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
  summary: 'A customer placed an order. It is on disk.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Array(Line, { minItems: 1 }),
    expectedTotalCents: Type.Optional({
      ...Cents,
      description: 'What the customer agreed to pay. At another total nothing is reserved',
    }),
  }),
})

export const OrderCancelRequested = event('order.cancel_requested', {
  summary: 'The customer requested a cancellation. payment-service decides whether it is in time.',
  data: Type.Object({ user: Type.String(personal), customerId: Type.Optional(CustomerId) }),
})

export const RefundRequested = Type.Object({
  ...Customer.properties,
  request: RefundRequest,
  lines: Type.Array(PricedLine, { minItems: 1, description: 'The lines to refund' }),
  totalCents: Cents,
  currency: Type.Optional(Currency),
  reason: Type.String(),
  returnToStock: Type.Boolean({ description: 'true: the goods go back into stock' }),
})
export type RefundRequested = Static<typeof RefundRequested>

export const OrderRefundRequested = event('order.refund_requested', {
  summary: 'An operator requested a refund of some lines or of the whole order. payment-service decides.',
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
  summary: 'The parcel was delivered. The order has ended.',
  data: Progress,
})

export const OrderCancelled = event('order.cancelled', {
  summary: 'The order was cancelled. It has ended.',
  data: Type.Object({
    ...Progress.properties,
    reason: Type.String(),
    priceChange: Type.Optional(PriceChange),
  }),
})

export const OrderCustomerForgotten = event('order.customer_forgotten', {
  summary: 'Receipt: every service has deleted the keys of a customer. The subject is the customer’s pseudonym.',
  data: Type.Object({
    request: Type.String({ maxLength: 64, description: 'Number of the customer’s request to be forgotten: 1, 2, …' }),
    requestedAt: Instant,
    services: Type.Array(Type.String(), { description: 'The services that have reported the deletion' }),
  }),
})

export const OrderCustomerExported = event('order.customer_exported', {
  summary: 'An operator exported a customer’s data. The subject is the customer’s pseudonym.',
  data: Type.Object({
    operator: Type.String({ minLength: 1, maxLength: 100, description: 'Who exported it' }),
    reason: Type.String({ minLength: 1, maxLength: 400, description: 'Why' }),
  }),
})
