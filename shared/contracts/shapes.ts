// The shapes that several contracts share. Amounts are integer cents, instants are RFC 3339 in UTC.
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

/** Why an order was not taken at the price that its customer had seen. */
export const PriceChange = Type.Object({
  expectedTotalCents: { ...Cents, description: 'What the customer agreed to pay' },
  totalCents: { ...Cents, description: 'What the order costs now' },
})

/** Counts the refunds that were asked for of one order; also the detail in the ids of what is said about one. */
export const RefundRequest = Type.String({
  pattern: '^[1-9][0-9]{0,3}$',
  description: 'Number of the refund of the order: 1, 2, …',
})

/**
 * Marks what tells something about a person. Said once, here and in the contracts: logs hide it and the console masks it by this
 * mark.
 */
export const personal = { 'x-personal': true } as const

/** As the shop knows its customer: one line, and not of blanks alone, since those around it do not count. */
export const User = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
})

/**
 * One spelling for one customer: composed (Unicode NFC), without blanks around it. Letter case is kept, since to take two
 * customers for one would show each the other's orders. Once more it changes nothing.
 */
export function canonicalUser(user: string): string {
  return user.normalize('NFC').trim()
}

/** Stands for a customer without telling who it is; the same customer always has the same. */
export const CustomerId = Type.String({ pattern: '^cus_[a-z0-9]{26}$', description: 'Pseudonym of a customer' })
/** How a customer is greeted. */
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

/** What every later step of an order needs to know of its customer and travels with its events. Card numbers never do. */
export const Customer = Type.Object({
  /** As the shop knows its customer; often a name or an address, so personal. */
  user: Type.String({ minLength: 1, maxLength: 200, ...personal }),
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

/** Whom an order is for and what is in it, where it travels with news that not everybody before had it for. */
export const Ordered = Type.Object({
  ...Type.Partial(Customer).properties,
  lines: Type.Optional(Type.Array(PricedLine)),
  currency: Type.Optional(Currency),
})
export type Ordered = Static<typeof Ordered>

/** AMQP priority, 0 to 10: express orders and bad news overtake what waits. */
export const amqpPriority = { standard: 4, express: 8, failure: 9 } as const
