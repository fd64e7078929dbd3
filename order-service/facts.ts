// What order-service keeps of an order: its facts. Each is known once, and never changed.
import type { Customer, Line, PriceChange, PricedLine } from '@orders/shared/contracts'

export interface Placed extends Customer {
  lines: Line[]
  /** What the customer agreed to pay; undefined: whatever it costs. */
  expectedTotalCents?: number
}

/** A fact as order-service keeps it: what happened, when it learnt of it, and the little of it that an order shows. */
export type Fact = {
  /** Tells apart what may happen to one order more than once. */
  detail?: string
} & (
  | { type: 'order.created'; at: string; data: Placed }
  | { type: 'inventory.reserved'; at: string; data: { lines: PricedLine[]; totalCents: number; currency?: string } }
  | { type: 'inventory.out_of_stock'; at: string; data: { missing: { sku: string }[] } }
  | { type: 'inventory.price_changed'; at: string; data: PriceChange & { currency: string } }
  | { type: 'payment.failed'; at: string; data: { reason: string } }
  | { type: 'shipping.prepared'; at: string; data: { trackingId: string; carrier?: string; trackingUrl?: string } }
  | { type: 'shipping.failed'; at: string; data: { reason: string } }
  | { type: 'order.cancel_requested'; at: string; data: object }
  | { type: 'payment.confirmation_required'; at: string; data: object }
  | { type: 'payment.success'; at: string; data: object }
  | { type: 'shipping.delivered'; at: string; data: object }
  | { type: 'order.refund_requested'; at: string; data: RefundRequest }
  | { type: 'payment.refunded'; at: string; data: { lines?: PricedLine[]; totalCents: number; reason: string } }
  | { type: 'payment.refund_refused'; at: string; data: { reason: string } }
  // Its time is over: this alone is left, so that its id is never taken for a new order.
  | { type: 'order.expired'; at: string; data: object }
)

export interface WantedRefund {
  /** Undefined: everything that is left. */
  lines?: { sku: string; quantity: number }[] | undefined
  reason: string
  /** Undefined: once it is delivered. */
  returnToStock?: boolean | undefined
}

/** What is kept of the request; `wanted` is what a repeat under the same key must ask for, too. */
export interface RefundRequest {
  key: string
  wanted: WantedRefund
  lines: PricedLine[]
  totalCents: number
  reason: string
  returnToStock: boolean
}

/** What is left of a customer who is forgotten. */
export const forgottenCustomer = { user: 'forgotten' } as const

/** What of a placement tells about its customer, and what does not. */
export function partsOf({ user, name, contact, paymentMethod, shippingAddress, ...rest }: Placed) {
  return { personal: { user, name, contact, paymentMethod, shippingAddress }, rest }
}

type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>

export function find<T extends Fact['type']>(facts: readonly Fact[], type: T): FactOf<T> | undefined {
  return facts.find((fact): fact is FactOf<T> => fact.type === type)
}

export function factsOf<T extends Fact['type']>(facts: readonly Fact[], type: T): FactOf<T>[] {
  return facts.filter((fact): fact is FactOf<T> => fact.type === type)
}

/** A fact is known once under its key, which is also what follows the order in the id of the event that told it. */
export function keyOf({ type, detail }: Fact): string {
  return detail === undefined ? type : `${type}/${detail}`
}
