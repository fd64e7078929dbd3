// The rules of payments. Only this service decides whether an order is paid, once, in one row. A cancellation, a deadline and a
// refused shipment are inputs to that decision. Between a cancellation and a charge, the commit of the provider's answer
// decides.
//
// No crash and no order of events can lose money, because a payment fails in two ways only: the provider says that the order's
// key can never be charged any more, or a `payment.void` is recorded as a task that ensures it.
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

/** The goods that inventory-service reserved, their customer and their price. */
export interface Reservation extends Customer {
  lines: PricedLine[]
  totalCents: number
  currency?: string
}

export interface Payment {
  orderId: string
  /** `cancel_requested` is undecided too: the next call to the provider is a void instead of a charge. */
  status: Exclude<PaymentReply['status'], 'pending'>
  totalCents: number | null
  chargeId: string | null
  refundId: string | null
  reason: string | null
  /** Why the parcel cannot be shipped. Nothing may be charged any more, and a charge is refunded. */
  shippingFailure: string | null
  confirmBefore: string | null
  /** The refunds that operators requested, one for each request. */
  refunds: PartRefund[]
  /** Kept only until the decision, since it names the customer. */
  reservation: Reservation | null
  /** The customer is forgotten, so nothing is charged any more. */
  isForgotten?: true
  version: number
  createdAt: string
  updatedAt: string
}

/**
 * A refund of the charge or a part of it. It is owed until it is done or refused, even after an operator gave it up. With
 * `request`, an operator requested it. Without, it is the automatic refund of the whole charge: it is stored here only after it
 * was given up, and with the amount 0.
 */
export interface PartRefund {
  request?: string
  amountCents: number
  status: 'due' | 'done' | 'refused' | 'given_up'
  /** Set once it was given up. */
  abandoned?: Abandoned | undefined
}

export interface Abandoned {
  times: number
  why: string
  at: string
  /** The data of its task, for the next task. Removed when that exists. */
  wanted?: Ordered | RefundRequested | undefined
}

/** The changed payment, if it changed, and the messages to publish. */
export type Decision = { state?: Payment; messages: Message[] }

export interface Terms {
  /** A total above this needs the customer's confirmation. */
  confirmAboveCents: number
  confirmWithinMs: number
}

/**
 * The provider's answer about a key: it was charged, or it never will be. A charge and a void can each get any of these
 * answers.
 */
export type Settlement =
  | { outcome: 'charged'; chargeId: string }
  | { outcome: 'declined'; reason: string }
  | { outcome: 'voided' }

export const CANCELLED_BY_CUSTOMER = 'cancelled_by_customer'
export const CUSTOMER_FORGOTTEN = 'customer_forgotten'
const nothing: Decision = { messages: [] }

/** Whether a charge of this order must be refunded, if there is one. */
export function isRefundDue(payment: Payment | undefined): boolean {
  return payment?.status === 'failed' || (payment?.status === 'succeeded' && payment.shippingFailure !== null)
}

/** The payment with its reservation. It is created if there is none. */
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
  // The cancellation arrived after the service had decided to make no call, so it is unknown whether the key was charged.
  return payment.status === 'cancel_requested' ? failUnasked(payable, stopReason(payment), now) : nothing
}

/** `payment.charge`: the customer has confirmed. */
export function decideCharge(payment: Payment | undefined, settlement: Settlement | undefined, now: string): Decision {
  return !payment || isDecided(payment) || !settlement ? nothing : settle(payment, settlement, now)
}

/** The provider did not answer any attempt. The void finds out later whether it charged. */
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

/** `shipping.failed`: a charge is refunded; what was not charged never will be. */
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

/** The deadline of the customer's confirmation. Undefined if none is awaited. */
export function awaitedUntil(payment: Payment | undefined): string | undefined {
  return payment?.status === 'awaiting_confirmation' ? (payment.confirmBefore ?? undefined) : undefined
}

/** `payment.deadline`: has an effect only while the customer has not confirmed. */
export function decideDeadline(payment: Payment | undefined, now: string): Decision {
  return payment?.status === 'awaiting_confirmation' ? failUnasked(payment, 'confirmation_timeout', now) : nothing
}

/** `payment.confirm`: the customer's confirmation starts the charge, once. */
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

/** Fails without an answer of the provider. The void that follows gets the answer, and refunds a charge if there was one. */
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

/** If it is saved unchanged, it is a tombstone: a reservation that arrives later finds it and voids. */
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

/** The total of the refunds in these statuses. */
export function sumOf(refunds: readonly PartRefund[], ...statuses: PartRefund['status'][]): number {
  return refunds.reduce((sum, { amountCents, status }) => sum + (statuses.includes(status) ? amountCents : 0), 0)
}

/** The amount of the charge that is neither refunded nor owed. */
export function keptOf({ totalCents, refunds }: Payment): number {
  return (totalCents ?? 0) - sumOf(refunds, 'due', 'done', 'given_up')
}

/** The customer and the lines of the order, for the event about a refund. The payment method is not passed on. */
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
