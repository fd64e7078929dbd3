// The facts by which order-service knows an order. Each is stored once and never changed.
import type { Customer, Line, PriceChange, PricedLine } from '@orders/shared/contracts'

export interface Placed extends Customer {
  lines: Line[]
  /** The total that the customer agreed to pay. Undefined: any total. */
  expectedTotalCents?: number
}

/** A stored fact: what happened, when order-service learnt of it, and the data that an order shows. */
export type Fact = {
  /** Distinguishes facts of the same type, such as the refunds of one order. */
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
  // The order has expired. Only this fact is left, so that a new order cannot take the id.
  | { type: 'order.expired'; at: string; data: object }
)

export interface WantedRefund {
  /** Undefined: everything that is left. */
  lines?: { sku: string; quantity: number }[] | undefined
  reason: string
  /** Undefined: true once the order is delivered. */
  returnToStock?: boolean | undefined
}

/** The stored refund request. A repeat under the same key must have the same `wanted`. */
export interface RefundRequest {
  key: string
  wanted: WantedRefund
  lines: PricedLine[]
  totalCents: number
  reason: string
  returnToStock: boolean
}

/** Shown in place of a customer who is forgotten. */
export const forgottenCustomer = { user: 'forgotten' } as const

/** Separates the customer's personal data from the rest of a placement. */
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

/**
 * An order has at most one fact for each key. The key also follows the order id in the id of the event that reported the fact.
 */
export function keyOf({ type, detail }: Fact): string {
  return detail === undefined ? type : `${type}/${detail}`
}
