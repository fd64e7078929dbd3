// The refunds of an order, and which refunds an operator may still request. payment-service decides each refund. order-service
// asks once for each Idempotency-Key and notes the answer.
import { amqpPriority, type Message, OrderRefundRequested, type PricedLine } from '@orders/shared/contracts'
import type { Order } from './domain.ts'
import { type Fact, factsOf, type RefundRequest, type WantedRefund } from './facts.ts'

export interface Refund {
  /** Undefined for an automatic refund, made because the order failed. */
  request?: string
  status: 'requested' | 'refunded' | 'refused'
  totalCents: number
  lines: PricedLine[]
  /** Why it was requested, or why it was refused. */
  reason: string
  at: string
}

export interface Refusal {
  code: string
  message: string
}

/** Automatic refunds first, then the requested ones in the order of their requests. */
export function refundsOf(facts: readonly Fact[]): Refund[] {
  const done = factsOf(facts, 'payment.refunded')
  const refused = factsOf(facts, 'payment.refund_refused')
  const asked = factsOf(facts, 'order.refund_requested').map(({ detail: request, at, data }): Refund => {
    const { lines, totalCents, reason } = data
    const refund = { ...(request !== undefined && { request }), totalCents, lines, reason }
    const paidBack = done.find(({ detail }) => detail === request)
    const denied = refused.find(({ detail }) => detail === request)
    if (denied) return { ...refund, status: 'refused', reason: denied.data.reason, at: denied.at }
    return paidBack ? { ...refund, status: 'refunded', at: paidBack.at } : { ...refund, status: 'requested', at }
  })
  const byItself = done
    .filter(({ detail }) => detail === undefined)
    .map(
      ({ at, data: { lines = [], totalCents, reason } }): Refund => ({
        status: 'refunded',
        totalCents,
        lines,
        reason,
        at,
      }),
    )
  return [...byItself, ...asked]
}

/** The earlier request with the same key. */
export function requestWith(key: string, facts: readonly Fact[]) {
  return factsOf(facts, 'order.refund_requested').find(({ data }) => data.key === key)
}

/**
 * The fact that requests the refund, or why it is refused. Only a shipped or delivered order is refunded, and only what is left
 * of it.
 */
export function refundRequested(
  order: Order,
  facts: readonly Fact[],
  { key, wanted, at }: { key: string; wanted: WantedRefund; at: string },
): Fact | Refusal {
  const refusal = refusalFor(order)
  if (refusal) return refusal
  const left = leftOf(facts)
  const lines = wanted.lines === undefined ? left : pricedOf(wanted.lines, left)
  if (lines === undefined || lines.length === 0)
    return { code: 'nothing_left_to_refund', message: 'has less of this left to refund' }
  const { reason, returnToStock = order.status === 'completed' } = wanted
  const data: RefundRequest = { key, wanted, lines, totalCents: totalOf(lines), reason, returnToStock }
  const detail = String(factsOf(facts, 'order.refund_requested').length + 1)
  return { type: 'order.refund_requested', detail, at, data }
}

function refusalFor({ status, totalCents }: Order): Refusal | undefined {
  if (status === 'cancelled')
    return { code: 'order_already_cancelled', message: 'is cancelled: a charge is refunded by itself' }
  if (status === 'paid')
    return {
      code: 'parcel_in_preparation',
      message: 'is being handed to the carrier: try again when the carrier has taken or refused the parcel',
    }
  if (status !== 'shipped' && status !== 'completed')
    return { code: 'order_not_paid', message: 'is not paid yet: cancel it instead' }
  return totalCents === null ? { code: 'order_not_paid', message: 'has no total yet: try again' } : undefined
}

/** The lines that are neither refunded nor requested. A refused request does not count. */
function leftOf(facts: readonly Fact[]): PricedLine[] {
  const [reserved] = factsOf(facts, 'inventory.reserved')
  const back = refundsOf(facts).filter(({ status }) => status !== 'refused')
  const gone = (sku: string) =>
    back.flatMap(({ lines }) => lines.filter((line) => line.sku === sku)).reduce((sum, line) => sum + line.quantity, 0)
  return (reserved?.data.lines ?? [])
    .map((line) => ({ ...line, quantity: line.quantity - gone(line.sku) }))
    .filter(({ quantity }) => quantity > 0)
}

/** Undefined if less is left of a line than is wanted. */
function pricedOf(lines: readonly { sku: string; quantity: number }[], left: PricedLine[]): PricedLine[] | undefined {
  const priced = lines.flatMap(({ sku, quantity }) => {
    const known = left.find((line) => line.sku === sku)
    return known && known.quantity >= quantity ? { ...known, quantity } : []
  })
  return priced.length === lines.length ? priced : undefined
}

function totalOf(lines: readonly PricedLine[]): number {
  return lines.reduce((sum, { quantity, unitPriceCents }) => sum + quantity * unitPriceCents, 0)
}

/** The message about each refund request. */
export function refundRequests(orderId: string, facts: readonly Fact[]): Message[] {
  const [created] = factsOf(facts, 'order.created')
  if (!created) return []
  const { lines: _, paymentMethod: __, expectedTotalCents: ___, ...customer } = created.data
  const currency = factsOf(facts, 'inventory.reserved').at(0)?.data.currency
  const priority = amqpPriority[customer.priority]
  return factsOf(facts, 'order.refund_requested').map(({ detail: request = '', at, data }) => {
    const { lines, totalCents, reason, returnToStock } = data
    const wanted = {
      ...customer,
      request,
      lines,
      totalCents,
      ...(currency !== undefined && { currency }),
      reason,
      returnToStock,
    }
    return OrderRefundRequested.of(orderId, at, wanted, { detail: request, priority })
  })
}
