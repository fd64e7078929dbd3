// What is asked of the gateway before a decision.
import type { Payment, Reservation, Terms } from './domain.ts'

const DEFAULT_METHOD = 'tok_visa'

/** What to ask of the gateway before deciding; undefined when nothing is to be asked. */
export type Call = { call: 'charge'; amountCents: number; method: string } | { call: 'void' } | undefined

export function callForReservation(
  payment: Payment | undefined,
  reservation: Reservation,
  terms: Terms,
  isForgotten?: true,
): Call {
  // How it is to be paid is forgotten too: the key is closed, and the payment fails.
  if (isForgotten && (!payment || payment.status === 'cancel_requested')) return { call: 'void' }
  if (payment) return payment.status === 'cancel_requested' ? { call: 'void' } : undefined
  return reservation.totalCents > terms.confirmAboveCents ? undefined : chargeOf(reservation)
}

export function callForCharge(payment: Payment | undefined): Call {
  // A charge is asked for after a reservation only; without one, this was said by nobody here and there is nothing to do.
  if (!payment?.reservation) return undefined
  if (payment.status === 'cancel_requested' || (payment.status === 'confirmed' && payment.isForgotten))
    return { call: 'void' }
  return payment.status === 'confirmed' ? chargeOf(payment.reservation) : undefined
}

function chargeOf({ totalCents, paymentMethod }: Reservation): Call {
  return { call: 'charge', amountCents: totalCents, method: paymentMethod ?? DEFAULT_METHOD }
}
