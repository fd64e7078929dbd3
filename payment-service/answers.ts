// What people are told of a payment, and why a customer's word is refused.
import type { Payment as PaymentReply } from '@orders/shared/contracts'
import { type Payment, sumOf } from './domain.ts'

/** Why the customer's word is not wanted, or not any more; undefined when it is, and for its harmless repeat. */
export function refusalOf({ status, reason, confirmBefore }: Payment): { code: string; message: string } | undefined {
  if (status === 'failed') return { code: 'payment_failed', message: `the payment failed: ${reason}` }
  if (status === 'refunded') return { code: 'payment_refunded', message: `the payment was given back: ${reason}` }
  if (status === 'cancel_requested')
    return { code: 'cancellation_requested', message: 'a cancellation was asked for and is being decided' }
  if (confirmBefore !== null) return undefined
  return { code: 'confirmation_not_needed', message: 'the payment needed no confirmation and is done' }
}

/** Of an order about which nothing is decided: it was not heard of yet, or the gateway is being asked. */
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
