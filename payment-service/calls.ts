// Decides which call to the payment provider a decision needs.
import type { Payment, Reservation, Terms } from './domain.ts'

const DEFAULT_METHOD = 'tok_visa'

/** The call to make before the decision. Undefined: none. */
export type Call = { call: 'charge'; amountCents: number; method: string } | { call: 'void' } | undefined

export function callForReservation(
  payment: Payment | undefined,
  reservation: Reservation,
  terms: Terms,
  isForgotten?: true,
): Call {
  // The payment method is forgotten too, so the key is closed and the payment fails.
  if (isForgotten && (!payment || payment.status === 'cancel_requested')) return { call: 'void' }
  if (payment) return payment.status === 'cancel_requested' ? { call: 'void' } : undefined
  return reservation.totalCents > terms.confirmAboveCents ? undefined : chargeOf(reservation)
}

export function callForCharge(payment: Payment | undefined): Call {
  // Without a reservation the payment is decided already, or this service never asked for the charge. Nothing is called.
  if (!payment?.reservation) return undefined
  if (payment.status === 'cancel_requested' || (payment.status === 'confirmed' && payment.isForgotten))
    return { call: 'void' }
  return payment.status === 'confirmed' ? chargeOf(payment.reservation) : undefined
}

function chargeOf({ totalCents, paymentMethod }: Reservation): Call {
  return { call: 'charge', amountCents: totalCents, method: paymentMethod ?? DEFAULT_METHOD }
}
