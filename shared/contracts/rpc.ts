// The questions that order-service asks payment-service and inventory-service, and that all ask audit-service, each over its
// `.rpc.queue`, and their answers.
import { type Static, Type } from 'typebox'
import { rpc } from './define.ts'
import { History, HistoryAsked, Marks, MarksAsked } from './definition/log.ts'
import { Cents, Currency, Instant, Line, OrderId, PricedLine, Sku } from './shapes.ts'

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

export const Quote = Type.Object({
  lines: Type.Array(PricedLine, { description: 'those whose price is known' }),
  totalCents: { ...Cents, description: 'of these lines' },
  currency: Currency,
  unknownSkus: Type.Array(Sku),
})
export type Quote = Static<typeof Quote>

export const InventoryQuote = rpc('inventory.quote', {
  queue: 'inventory.rpc.queue',
  summary: 'What do these goods cost now? Nothing is set aside.',
  request: Type.Object({ lines: Type.Array(Line, { minItems: 1 }) }),
  reply: Quote,
})

export const AuditMarks = rpc('audit.marks', {
  queue: 'audit.rpc.queue',
  summary: 'How far had this service come when it said the last that is kept?',
  request: MarksAsked,
  reply: Marks,
})

export const AuditHistory = rpc('audit.history', {
  queue: 'audit.rpc.queue',
  summary: 'What happened, subject by subject, from this position on?',
  request: HistoryAsked,
  reply: History,
})
