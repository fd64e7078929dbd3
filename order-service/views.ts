// The schemas of order-service's HTTP requests and answers.
import {
  Cents,
  Currency,
  CustomerId,
  Locale,
  OrderId,
  OrderPriority,
  OrderStatus,
  PricedLine,
  personal,
  RefundRequest,
  Sku,
  User,
} from '@orders/shared/contracts'
import { Type } from 'typebox'

const Quantity = Type.Integer({ minimum: 1, maximum: 10_000 })
const Item = Type.Union([Sku, Type.Object({ sku: Sku, quantity: Quantity }, { additionalProperties: false })])

/**
 * A person's name. It appears in mails that may go to a stranger, so it must not carry a link or a message: no digits, no
 * slashes, and no dot before two letters, which mail programs turn into a link.
 */
const Name = Type.String({
  pattern: "^(?!.*\\.\\p{L}{2})(?=.*\\p{L})[\\p{L}\\p{M} .'\u2019-]{1,60}$",
  description: 'Name for the greeting: 1 to 60 letters, marks, blanks, dots, apostrophes and hyphens.',
  ...personal,
})

/** It appears in mails that may go to a stranger, so it must contain no link and no e-mail address. */
const ShippingAddress = Type.String({
  minLength: 1,
  maxLength: 500,
  pattern: '^(?![^]*(?:://|@))',
  description: 'Lines of an address, without links and e-mail addresses.',
})

export const PlaceOrder = Type.Object(
  {
    orderId: Type.Optional(OrderId),
    user: { ...User, ...personal },
    name: Type.Optional(Name),
    items: Type.Array(Item, { minItems: 1, maxItems: 200 }),
    priority: Type.Optional(OrderPriority),
    contact: Type.Optional(
      Type.Object(
        {
          email: Type.Optional(Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;]+@[^\\s@<>,;]+$' })),
          phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
          push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
          webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' })),
          locale: Type.Optional(Locale),
        },
        { additionalProperties: false },
      ),
    ),
    paymentMethod: Type.Optional(Type.String({ pattern: '^tok_[A-Za-z0-9_]{1,60}$' })),
    shippingAddress: Type.Optional(ShippingAddress),
    expectedTotalCents: Type.Optional({
      ...Cents,
      description: 'What the customer agrees to pay. At another total the answer is 409 `price_changed`.',
    }),
  },
  { additionalProperties: false },
)

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const Cancellation = Type.Object({
  status: Type.Union([Type.Literal('requested'), Type.Literal('granted'), Type.Literal('refused')]),
  reason: Nullable(Type.String()),
  at: Type.String(),
})
export const Cancelling = Type.Object({ orderId: OrderId, status: OrderStatus, cancellation: Cancellation })
export const OrderView = Type.Object({
  orderId: OrderId,
  user: Type.String(personal),
  customerId: Type.Optional(CustomerId),
  status: OrderStatus,
  reason: Nullable(Type.String()),
  priority: OrderPriority,
  lines: Type.Array(
    Type.Object({
      sku: Sku,
      quantity: Type.Integer(),
      unitPriceCents: Type.Optional(Type.Integer()),
      name: Type.Optional(Type.String()),
    }),
  ),
  totalCents: Nullable(Type.Integer()),
  currency: Nullable(Currency),
  trackingId: Nullable(Type.String()),
  carrier: Nullable(Type.String()),
  trackingUrl: Nullable(Type.String()),
  cancellation: Nullable(Cancellation),
  refundedCents: Type.Integer(),
  refunds: Type.Array(
    Type.Object({
      request: Type.Optional(RefundRequest),
      status: Type.Union([Type.Literal('requested'), Type.Literal('refunded'), Type.Literal('refused')]),
      totalCents: Type.Integer(),
      lines: Type.Array(PricedLine),
      reason: Type.String(),
      at: Type.String(),
    }),
  ),
  createdAt: Type.String(),
  updatedAt: Type.String(),
})
export const OrderWithFacts = Type.Object({
  ...OrderView.properties,
  facts: Type.Array(Type.Object({ type: Type.String(), at: Type.String() })),
})
export const Orders = Type.Object({
  orders: Type.Array(
    Type.Object({
      orderId: OrderId,
      user: Type.String(personal),
      status: OrderStatus,
      reason: Nullable(Type.String()),
      totalCents: Nullable(Type.Integer()),
      createdAt: Type.String(),
      updatedAt: Type.String(),
    }),
  ),
})
export const ById = Type.Object({ id: OrderId })
export const Key = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })
const OneLine = '^[^\\u0000-\\u001f\\u007f]+$'
export const RefundKey = Type.Object({ 'idempotency-key': Type.String({ minLength: 1, maxLength: 255 }) })
export const WantRefund = Type.Object(
  {
    lines: Type.Optional(
      Type.Array(Type.Object({ sku: Sku, quantity: Quantity }, { additionalProperties: false }), {
        minItems: 1,
        maxItems: 200,
        description: 'The lines to refund. Missing: everything that is left.',
      }),
    ),
    reason: Type.String({ minLength: 1, maxLength: 200, pattern: OneLine }),
    returnToStock: Type.Optional(
      Type.Boolean({ description: 'Whether the goods go back into stock. Default: true if the order is completed.' }),
    ),
  },
  { additionalProperties: false },
)
export const Page = Type.Object(
  {
    user: Type.Optional({ ...User, ...personal }),
    status: Type.Optional(OrderStatus),
    before: Type.Optional(OrderId),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
export const ByCustomer = Type.Object({
  id: { ...User, description: 'A pseudonym (cus_…), or `user` as the shop knows the customer' },
})
export const ForgettingView = Type.Object({
  customerId: CustomerId,
  request: Type.String({ description: 'Number of this customer’s request' }),
  requestedAt: Type.String(),
  done: Type.Array(Type.String(), { description: 'The services that have deleted the keys' }),
  waitsFor: Type.Array(Type.String(), { description: 'The services that have not reported yet' }),
  completedAt: Nullable(Type.String()),
})

export const ExportBy = Type.Object(
  {
    operator: Type.String({ minLength: 1, maxLength: 100, pattern: OneLine, description: 'Who asks' }),
    reason: Type.String({ minLength: 1, maxLength: 400, pattern: OneLine, description: 'Why' }),
  },
  { additionalProperties: false },
)
export const ExportView = Type.Object({
  customerId: CustomerId,
  exportedAt: Type.String(),
  records: Type.Array(
    Type.Object({
      service: Type.String(),
      table: Type.String(),
      record: Type.Unknown({ description: 'The row, decrypted if its keys exist' }),
    }),
  ),
  missing: Type.Array(Type.Object({ service: Type.String(), why: Type.String() }), {
    description: 'Services that have not answered, and may have more data',
  }),
  isComplete: Type.Boolean({ description: 'true: every service has returned all its data' }),
})
