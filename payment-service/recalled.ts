// Restores a payment from this service's own events during a rebuild. What is known already stays.
import { PaymentVoid } from '@orders/shared/contracts'
import {
  changed,
  type Decision,
  isDecided,
  isRefundDue,
  opened,
  orderedIn,
  type Payment,
  type Reservation,
  sumOf,
} from './domain.ts'

const nothing: Decision = { messages: [] }

export function recalled(
  orderId: string,
  known: Payment | undefined,
  said: Pick<Payment, 'status'> & Partial<Payment>,
  at: string,
): Decision {
  if (known && said.status === 'awaiting_confirmation')
    return known.confirmBefore === said.confirmBefore
      ? nothing
      : changed(known, { confirmBefore: said.confirmBefore ?? null }, at)
  if (known && isDecided(known)) return nothing
  return changed({ ...(known ?? opened(orderId, at)), reservation: null }, said, at)
}

/** With `request`, a requested refund. Without, the whole charge, since the order failed. */
export function recalledRefund(
  known: Payment | undefined,
  { request, totalCents, refundId, reason }: { request?: string; totalCents: number; refundId: string; reason: string },
  at: string,
): Decision {
  if (!known) return nothing
  if (request === undefined) return changed(known, { status: 'refunded', refundId, reason }, at)
  const others = known.refunds.filter((one) => one.request !== request)
  const refunds = [...others, { request, amountCents: totalCents, status: 'done' as const }]
  const isWhole = sumOf(refunds, 'done') === known.totalCents
  return changed(known, { refunds, ...(isWhole && { status: 'refunded', reason }) }, at)
}

/** The event does not state the requested amount. Nobody will refund it, so 0 is stored. */
export function recalledRefusal(known: Payment | undefined, request: string, at: string): Decision {
  if (!known || known.refunds.some((one) => one.request === request)) return nothing
  return changed(known, { refunds: [...known.refunds, { request, amountCents: 0, status: 'refused' }] }, at)
}

/** No event says whether the provider has voided a failed payment, so the void is recorded again. */
export function voidOwed(orderId: string, known: Payment | undefined, order: Reservation, at: string): Decision {
  if (!known || !isRefundDue(known) || known.reason === 'declined') return nothing
  return { messages: [PaymentVoid.of(orderId, at, orderedIn(order))] }
}

/** Neither charged nor failed, and not waiting for the customer. */
export function isUndecided(known: Payment | undefined): boolean {
  return known === undefined || known.status === 'cancel_requested' || known.status === 'confirmed'
}
