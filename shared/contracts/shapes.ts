// Schemas that several contracts share. Amounts are integer cents; instants are RFC 3339 in UTC.
import { type Static, Type } from 'typebox'
import { Instant, OffsetInstant } from './definition/calendar.ts'

/** Safe in a URL path, a file name and an event id: no slash, no blank, no two dots in a row. */
export const OrderId = Type.String({
  pattern: '^(?!.*\\.\\.)[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  description: '1 to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or digit, no ".."',
})
export const Sku = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', description: 'Stock keeping unit' })
export const Cents = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'Integer cents' })
export { Instant, OffsetInstant }

export const Line = Type.Object({ sku: Sku, quantity: Type.Integer({ minimum: 1 }) })
export const PricedLine = Type.Object({
  sku: Sku,
  quantity: Type.Integer({ minimum: 1 }),
  unitPriceCents: Cents,
  name: Type.Optional(Type.String({ maxLength: 200, description: 'Name of the goods in the catalogue' })),
})
export const Currency = Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' })

/** Why an order was refused: its price differs from what its customer had seen. */
export const PriceChange = Type.Object({
  expectedTotalCents: { ...Cents, description: 'What the customer agreed to pay' },
  totalCents: { ...Cents, description: 'What the order costs now' },
})

/** Counts the requested refunds of an order. Also the detail in the ids of messages about a refund. */
export const RefundRequest = Type.String({
  pattern: '^[1-9][0-9]{0,3}$',
  description: 'Number of the refund of the order: 1, 2, …',
})

/**
 * Marks personal data. This mark is the only place where that is stated: logs hide marked fields and the console masks them.
 */
export const personal = { 'x-personal': true } as const

/** The customer as the shop knows them: one line with at least one visible character, since surrounding blanks are trimmed. */
export const User = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
})

/**
 * One spelling for each customer: composed (Unicode NFC) and without surrounding blanks. Letter case is kept. If two customers
 * were taken for one, each would see the other's orders. Idempotent.
 */
export function canonicalUser(user: string): string {
  return user.normalize('NFC').trim()
}

/** A customer's pseudonym, which reveals nothing about them and is always the same. */
export const CustomerId = Type.String({ pattern: '^cus_[a-z0-9]{26}$', description: 'Pseudonym of a customer' })
/** How a customer is addressed. */
export const PersonName = Type.String({ minLength: 1, maxLength: 60, ...personal })

export const Locale = Type.String({
  pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$',
  description: 'BCP 47 language tag, for example de-AT',
})

export const Contact = Type.Object({
  email: Type.Optional(Type.String({ minLength: 3, maxLength: 254, ...personal })),
  phone: Type.Optional(Type.String({ minLength: 3, maxLength: 32, ...personal })),
  push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, ...personal })),
  webhook: Type.Optional(Type.String({ minLength: 8, maxLength: 2048, ...personal })),
  locale: Type.Optional(Locale),
})
export const OrderPriority = Type.Union([Type.Literal('standard'), Type.Literal('express')])

/** What later steps of an order need to know of its customer; travels with its events. Card numbers never do. */
export const Customer = Type.Object({
  /** Often a name or an address, so personal. */
  user: Type.String({ minLength: 1, maxLength: 200, description: 'The customer as the shop knows them', ...personal }),
  customerId: Type.Optional(CustomerId),
  name: Type.Optional(PersonName),
  priority: OrderPriority,
  contact: Type.Optional(Contact),
  paymentMethod: Type.Optional(Type.String({ maxLength: 64, ...personal })),
  shippingAddress: Type.Optional(Type.String({ maxLength: 500, ...personal })),
})

export type Line = Static<typeof Line>
export type PriceChange = Static<typeof PriceChange>
export type PricedLine = Static<typeof PricedLine>
export type Contact = Static<typeof Contact>
export type Customer = Static<typeof Customer>
export type OrderPriority = Static<typeof OrderPriority>

/** The customer and the lines of an order. All fields are optional, since older messages lack them. */
export const Ordered = Type.Object({
  ...Type.Partial(Customer).properties,
  lines: Type.Optional(Type.Array(PricedLine)),
  currency: Type.Optional(Currency),
})
export type Ordered = Static<typeof Ordered>

/** AMQP priority, 0 to 10: express orders and bad news overtake waiting messages. */
export const amqpPriority = { standard: 4, express: 8, failure: 9 } as const
