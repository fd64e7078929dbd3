// The RPC contracts of payment-service, inventory-service and audit-service, each over its `.rpc.queue`.
import { type Static, Type } from 'typebox'
import { rpc } from './define.ts'
import { History, HistoryAsked, Marks, MarksAsked } from './definition/log.ts'
import { Cents, Currency, Instant, Line, OrderId, PricedLine, Sku } from './shapes.ts'

export const Payment = Type.Object({
  orderId: OrderId,
  status: Type.Union([
    Type.Literal('pending', {
      description:
        'payment-service has not recorded a payment yet: it is calling the payment provider, or the order is not reserved yet',
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
  summary: 'What is the state of this order’s payment?',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})

export const PaymentConfirm = rpc('payment.confirm', {
  queue: 'payment.rpc.queue',
  summary: 'The customer confirms the payment.',
  request: Type.Object({ orderId: OrderId }),
  reply: Payment,
})

export const Quote = Type.Object({
  lines: Type.Array(PricedLine, { description: 'The lines whose price is known' }),
  totalCents: { ...Cents, description: 'Total of these lines' },
  currency: Currency,
  unknownSkus: Type.Array(Sku),
})
export type Quote = Static<typeof Quote>

export const InventoryQuote = rpc('inventory.quote', {
  queue: 'inventory.rpc.queue',
  summary: 'What do these goods cost now? Nothing is reserved.',
  request: Type.Object({ lines: Type.Array(Line, { minItems: 1 }) }),
  reply: Quote,
})

export const AuditMarks = rpc('audit.marks', {
  queue: 'audit.rpc.queue',
  summary: 'Up to which number are this service’s messages stored, for each epoch (one life of its database)?',
  request: MarksAsked,
  reply: Marks,
})

export const AuditHistory = rpc('audit.history', {
  queue: 'audit.rpc.queue',
  summary: 'Which events of the audit log come after this position? Asked page by page, to rebuild a service.',
  request: HistoryAsked,
  reply: History,
})
