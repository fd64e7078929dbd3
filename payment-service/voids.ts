// The rules of `payment.void`: it ends with the refund of the charge, or without one if there was no charge.
import { amqpPriority, type Ordered, PaymentRefunded, PaymentVoided } from '@orders/shared/contracts'
import { changed, type Decision, isRefundDue, keptOf, type PartRefund, type Payment, stopReason } from './domain.ts'

export interface Refund {
  chargeId: string
  refundId: string
}

/** `payment.void`: records the refund, if there was a charge. The event about it repeats `ordered`. */
export function decideRefund(
  payment: Payment | undefined,
  { refund, ordered = {}, now }: { refund: Refund | undefined; ordered?: Ordered; now: string },
): Decision {
  if (!payment || !isRefundDue(payment)) return { messages: [] }
  const refunds = payment.refunds.filter(({ request }) => request !== undefined)
  if (!refund) return decideVoided(payment, refunds, now)
  const reason = payment.reason ?? stopReason(payment)
  const data = { ...ordered, totalCents: keptOf(payment), refundId: refund.refundId, reason }
  const refunded = PaymentRefunded.of(payment.orderId, now, data, { priority: amqpPriority.failure })
  const { chargeId, refundId } = refund
  return changed(payment, { chargeId, refundId, status: 'refunded', reason, refunds }, now, [refunded])
}

/** There was no charge. If an operator had given up the void, `payment.voided` tells everyone. */
function decideVoided(payment: Payment, refunds: PartRefund[], now: string): Decision {
  if (refunds.length === payment.refunds.length) return { messages: [] }
  return changed(payment, { refunds }, now, [
    PaymentVoided.of(payment.orderId, now, {}, { priority: amqpPriority.failure }),
  ])
}
