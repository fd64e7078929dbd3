// The answers about a payment, and why a confirmation is refused.
import type { Payment as PaymentReply } from '@orders/shared/contracts'
import { RejectedError } from '@orders/shared/runtime'
import { keptOf, type PartRefund, type Payment, sumOf } from './domain.ts'

/** Why the customer cannot confirm. Undefined if the customer can, or has confirmed already: that repeat is harmless. */
export function refusalOf({ status, reason, confirmBefore }: Payment): { code: string; message: string } | undefined {
  if (status === 'failed') return { code: 'payment_failed', message: `the payment failed: ${reason}` }
  if (status === 'refunded') return { code: 'payment_refunded', message: `the payment was refunded: ${reason}` }
  if (status === 'cancel_requested')
    return { code: 'cancellation_requested', message: 'a cancellation was requested and is being decided' }
  if (confirmBefore !== null) return undefined
  return { code: 'confirmation_not_needed', message: 'the payment needed no confirmation and is done' }
}

export function noPaymentYet(orderId: string): RejectedError {
  return new RejectedError(404, 'no_payment_yet', `order ${orderId} has no payment yet`)
}

/** The answer while nothing is decided: this service has not heard of the order yet, or is calling the provider. */
export function pendingSince(orderId: string, updatedAt: string): PaymentReply {
  const nothing = { totalCents: null, reason: null, chargeId: null, confirmBefore: null }
  return { orderId, status: 'pending', ...nothing, updatedAt }
}

export function replyOf({
  orderId,
  status,
  totalCents,
  reason,
  chargeId,
  confirmBefore,
  refunds,
  updatedAt,
}: Payment): PaymentReply {
  const refundedCents = status === 'refunded' ? (totalCents ?? 0) : sumOf(refunds, 'done')
  return { orderId, status, totalCents, refundedCents, reason, chargeId, confirmBefore, updatedAt }
}

/** The refunds that operators see in addition: owed, done, refused or given up. */
export function refundsOf(payment: Payment) {
  return payment.refunds.map(({ request, amountCents, status, abandoned }: PartRefund) => ({
    ...(request !== undefined && { request }),
    amountCents: request === undefined ? keptOf(payment) : amountCents,
    status,
    ...(status === 'given_up' && { why: abandoned?.why, at: abandoned?.at }),
  }))
}
