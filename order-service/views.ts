// What order-service takes and shows over HTTP, as schemas.
import {
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
} from '@orders/shared/contracts'
import { Type } from 'typebox'

const Quantity = Type.Integer({ minimum: 1, maximum: 10_000 })
const Item = Type.Union([Sku, Type.Object({ sku: Sku, quantity: Quantity }, { additionalProperties: false })])

/** As the shop knows its customer; not of blanks alone, since those around it do not count. */
const User = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
  ...personal,
})

/**
 * A person's name, and nothing else that could be sent to a stranger in a mail of ours: no digits, no slashes, and no dot before two
 * letters, which mail programs would make a link of.
 */
const Name = Type.String({
  pattern: "^(?!.*\\.\\p{L}{2})(?=.*\\p{L})[\\p{L}\\p{M} .'\u2019-]{1,60}$",
  description: 'How the customer is greeted: 1 to 60 letters, marks, blanks, dots, apostrophes and hyphens.',
  ...personal,
})

export const PlaceOrder = Type.Object(
  {
    orderId: Type.Optional(OrderId),
    user: User,
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
    shippingAddress: Type.Optional(Type.String({ minLength: 1, maxLength: 500 })),
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
        description: 'What is given back; without it everything that is left.',
      }),
    ),
    reason: Type.String({ minLength: 1, maxLength: 200, pattern: OneLine }),
    returnToStock: Type.Optional(
      Type.Boolean({ description: 'Whether the goods are put back into stock; by default once they are delivered.' }),
    ),
  },
  { additionalProperties: false },
)
export const Page = Type.Object(
  {
    user: Type.Optional(User),
    status: Type.Optional(OrderStatus),
    before: Type.Optional(OrderId),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
