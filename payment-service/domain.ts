// Paid or not: one row for each order, one decision, and only here. A cancellation, a deadline and a refused shipment
// are inputs to it; the judge between a cancellation and a charge is the commit of the gateway's answer.
//
// The money is safe whatever dies or overtakes what, because a payment fails in two ways only: on the gateway's word
// that this order's key can never be charged any more, or with a `payment.void` as a task that sees to just that.
import {
  amqpPriority,
  type Customer,
  type Message,
  type Ordered,
  PaymentCharge,
  PaymentConfirmationRequired,
  PaymentDeadline,
  PaymentFailed,
  type Payment as PaymentReply,
  PaymentSuccess,
  PaymentVoid,
  type PricedLine,
  type RefundRequested,
} from '@orders/shared/contracts'

/** What inventory set aside, for whom, and what it costs. */
export interface Reservation extends Customer {
  lines: PricedLine[]
  totalCents: number
  currency?: string
}

export interface Payment {
  orderId: string
  /** `cancel_requested` is undecided too: whoever charges next voids instead. */
  status: Exclude<PaymentReply['status'], 'pending'>
  totalCents: number | null
  chargeId: string | null
  refundId: string | null
  reason: string | null
  /** Why the parcel cannot go: nothing may be charged, and what was charged goes back. */
  shippingFailure: string | null
  confirmBefore: string | null
  /** What operators wanted given back, one for each request. */
  refunds: PartRefund[]
  /** Kept only until the decision, since it names the customer. */
  reservation: Reservation | null
  /** Its customer is forgotten, so nothing is charged any more. */
  isForgotten?: true
  version: number
  createdAt: string
  updatedAt: string
}

/**
 * A part of the charge, or all of it, that an operator wants given back. What is due is owed until it is done, also when an operator
 * has given it up. Without `request` it is what goes back by itself: it stands here from when that was given up, without an amount.
 */
export interface PartRefund {
  request?: string
  amountCents: number
  status: 'due' | 'done' | 'refused' | 'given_up'
  /** How often it was given up, and the last time. */
  abandoned?: Abandoned | undefined
}

export interface Abandoned {
  times: number
  why: string
  at: string
  /** What its task said, for the next one: kept until that is there, since it names the customer. */
  wanted?: Ordered | RefundRequested | undefined
}

/** What changes, if anything, and what is said. */
export type Decision = { state?: Payment; messages: Message[] }

export interface Terms {
  /** A total above it waits for the customer's word. */
  confirmAboveCents: number
  confirmWithinMs: number
}

/** The gateway's word on a key: charged, or it never will be. A charge and a void can both be answered with either. */
export type Settlement =
  | { outcome: 'charged'; chargeId: string }
  | { outcome: 'declined'; reason: string }
  | { outcome: 'voided' }

export const CANCELLED_BY_CUSTOMER = 'cancelled_by_customer'
export const CUSTOMER_FORGOTTEN = 'customer_forgotten'
const nothing: Decision = { messages: [] }

/** Whether anything that this order was charged is to be given back. */
export function isRefundDue(payment: Payment | undefined): boolean {
  return payment?.status === 'failed' || (payment?.status === 'succeeded' && payment.shippingFailure !== null)
}

/** The payment, begun if there is none, with what inventory set aside for it. */
export function reserved(
  orderId: string,
  payment: Payment | undefined,
  reservation: Reservation,
  now: string,
  isForgotten?: true,
): Payment {
  const known = { ...(payment ?? opened(orderId, now)), reservation, totalCents: reservation.totalCents }
  return isForgotten ? { ...known, isForgotten } : known
}

/** `inventory.reserved`: charges, or asks the customer first. */
export function decideReservation(
  orderId: string,
  payment: Payment | undefined,
  {
    reservation,
    settlement,
    terms,
    now,
    isForgotten,
  }: { reservation: Reservation; settlement?: Settlement; terms: Terms; now: string; isForgotten?: true | undefined },
): Decision {
  if (payment && isDecided(payment)) return nothing
  const payable = reserved(orderId, payment, reservation, now, isForgotten)
  if (settlement) return settle(payable, settlement, now)
  if (!payment) return askCustomer(payable, terms, now)
  // The request came after the look whether to ask the gateway, so nobody knows yet whether the key is free.
  return payment.status === 'cancel_requested' ? failUnasked(payable, stopReason(payment), now) : nothing
}

/** `payment.charge`: the customer has confirmed. */
export function decideCharge(payment: Payment | undefined, settlement: Settlement | undefined, now: string): Decision {
  return !payment || isDecided(payment) || !settlement ? nothing : settle(payment, settlement, now)
}

/** The gateway did not answer, however often it was asked: what it did about a charge is found out afterwards. */
export function decideGivenUp(payment: Payment | undefined, now: string): Decision {
  if (!payment || isDecided(payment) || payment.status === 'awaiting_confirmation') return nothing
  return failUnasked(payment, 'gateway_unavailable', now)
}

/** `order.cancel_requested`: in time unless the charge is committed. */
export function decideCancellation(orderId: string, payment: Payment | undefined, now: string): Decision {
  if (!payment) return changed(opened(orderId, now), {}, now)
  if (payment.status === 'awaiting_confirmation') return failUnasked(payment, CANCELLED_BY_CUSTOMER, now)
  return payment.status === 'confirmed' ? changed(payment, { status: 'cancel_requested' }, now) : nothing
}

/** `shipping.failed`: what was charged goes back; what was not must not be. */
export function decideShippingFailure(
  orderId: string,
  payment: Payment | undefined,
  { shippingFailure, ordered = {}, now }: { shippingFailure: string; ordered?: Ordered; now: string },
): Decision {
  if (!payment) return changed(opened(orderId, now), { shippingFailure }, now)
  if (payment.shippingFailure !== null) return nothing
  switch (payment.status) {
    case 'awaiting_confirmation':
      return failUnasked(payment, shippingFailure, now)
    case 'confirmed':
    case 'cancel_requested':
      return changed(payment, { status: 'cancel_requested', shippingFailure }, now)
    case 'succeeded':
      return changed(payment, { shippingFailure }, now, [PaymentVoid.of(orderId, now, ordered)])
    default:
      return nothing
  }
}

/** Until when the customer's word is waited for; undefined when it is not. */
export function awaitedUntil(payment: Payment | undefined): string | undefined {
  return payment?.status === 'awaiting_confirmation' ? (payment.confirmBefore ?? undefined) : undefined
}

/** `payment.deadline`: acts only while the customer's word is missing. */
export function decideDeadline(payment: Payment | undefined, now: string): Decision {
  return payment?.status === 'awaiting_confirmation' ? failUnasked(payment, 'confirmation_timeout', now) : nothing
}

/** `payment.confirm`: the customer's word sets off the charge, once. */
export function decideConfirmation(payment: Payment, now: string): Decision {
  if (payment.status !== 'awaiting_confirmation') return nothing
  const priority = amqpPriority[reservationOf(payment).priority]
  return changed(payment, { status: 'confirmed' }, now, [PaymentCharge.of(payment.orderId, now, {}, { priority })])
}

function settle(payment: Payment, settlement: Settlement, now: string): Decision {
  if (settlement.outcome === 'charged') return succeed(payment, settlement.chargeId, now)
  return fail(payment, settlement.outcome === 'declined' ? 'declined' : stopReason(payment), now)
}

function succeed(payment: Payment, chargeId: string, now: string): Decision {
  const { orderId, shippingFailure } = payment
  const reservation = reservationOf(payment)
  const priority = amqpPriority[reservation.priority]
  const success = PaymentSuccess.of(orderId, now, { ...reservation, chargeId }, { priority })
  const giveBack = shippingFailure === null ? [] : [PaymentVoid.of(orderId, now, orderedIn(reservation))]
  return changed(payment, { status: 'succeeded', chargeId, reservation: null }, now, [success, ...giveBack])
}

/** Fails without the gateway's word; the void that follows gets it, and gives back what was charged after all. */
function failUnasked(payment: Payment, reason: string, now: string): Decision {
  return fail(payment, reason, now, [PaymentVoid.of(payment.orderId, now, orderedIn(reservationOf(payment)))])
}

function fail(payment: Payment, reason: string, now: string, alsoSay: Message[] = []): Decision {
  const { totalCents, currency } = reservationOf(payment)
  const data = { reason, totalCents, ...(currency !== undefined && { currency }) }
  const failed = PaymentFailed.of(payment.orderId, now, data, { priority: amqpPriority.failure })
  return changed(payment, { status: 'failed', reason, reservation: null }, now, [failed, ...alsoSay])
}

function askCustomer(payment: Payment, { confirmAboveCents, confirmWithinMs }: Terms, now: string): Decision {
  const order = reservationOf(payment)
  const { totalCents, priority } = order
  if (totalCents <= confirmAboveCents)
    throw new Error(`the payment provider was not called to charge order ${payment.orderId}`)
  const confirmBefore = new Date(Date.parse(now) + confirmWithinMs).toISOString()
  const asked = { ...order, confirmBefore }
  return changed(payment, { status: 'awaiting_confirmation', confirmBefore }, now, [
    PaymentConfirmationRequired.of(payment.orderId, now, asked, { priority: amqpPriority[priority] }),
    PaymentDeadline.of(payment.orderId, now, {}, { delayMs: confirmWithinMs }),
  ])
}

/** Saved as it is it is a tombstone: a reservation that comes later finds it and voids. */
export function opened(orderId: string, now: string): Payment {
  return {
    orderId,
    status: 'cancel_requested',
    totalCents: null,
    chargeId: null,
    refundId: null,
    reason: null,
    shippingFailure: null,
    confirmBefore: null,
    refunds: [],
    reservation: null,
    version: 0,
    createdAt: now,
    updatedAt: now,
  }
}

export function changed(payment: Payment, change: Partial<Payment>, now: string, messages: Message[] = []): Decision {
  return { state: { ...payment, ...change, version: payment.version + 1, updatedAt: now }, messages }
}

/** How much of the charge is given back, or is to be. */
export function sumOf(refunds: readonly PartRefund[], ...statuses: PartRefund['status'][]): number {
  return refunds.reduce((sum, { amountCents, status }) => sum + (statuses.includes(status) ? amountCents : 0), 0)
}

/** What is left of the charge. */
export function keptOf({ totalCents, refunds }: Payment): number {
  return (totalCents ?? 0) - sumOf(refunds, 'due', 'done', 'given_up')
}

/** Whom and what it is about; how it is paid is nobody's any more. */
export function orderedIn({ totalCents: _, paymentMethod: __, ...ordered }: Reservation): Ordered {
  return ordered
}

export function isDecided({ status }: Payment): boolean {
  return status === 'succeeded' || status === 'failed' || status === 'refunded'
}

export function stopReason({ shippingFailure, isForgotten }: Payment): string {
  return shippingFailure ?? (isForgotten ? CUSTOMER_FORGOTTEN : CANCELLED_BY_CUSTOMER)
}

function reservationOf({ orderId, status, reservation }: Payment): Reservation {
  if (!reservation) throw new Error(`the payment of order ${orderId} is ${status} without its reservation`)
  return reservation
}
