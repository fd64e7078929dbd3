// The rules of requested refunds. A refund is booked first, so that simultaneous requests never refund more than the charge.
// Then it is owed to the customer, as a task, until the provider has made it or refuses it for good.
import {
  amqpPriority,
  PaymentRefund,
  PaymentRefunded,
  PaymentRefundRefused,
  type RefundRequested,
} from '@orders/shared/contracts'
import { PermanentError } from '@orders/shared/runtime'
import { changed, type Decision, keptOf, type PartRefund, type Payment, sumOf } from './domain.ts'

/** The provider's answer about a refund. */
export type RefundAnswer =
  | { outcome: 'refunded'; chargeId: string; refundId: string }
  | { outcome: 'refused'; reason: string }

/** A refund that an operator requested. */
type Requested = PartRefund & { request: string }

const nothing: Decision = { messages: [] }

/** `order.refund_requested`: books the refund, or refuses it if it exceeds what is left. */
export function decideRefundRequest(
  payment: Payment | undefined,
  { orderId, wanted, now }: { orderId: string; wanted: RefundRequested; now: string },
): Decision {
  if (!payment?.chargeId)
    throw new PermanentError('never_charged', `order ${orderId} was never charged, so nothing can be refunded`)
  if (findRefund(payment, wanted.request)) return nothing
  const booked: Requested = { request: wanted.request, amountCents: wanted.totalCents, status: 'due' }
  if (wanted.totalCents > leftOf(payment)) return refused(payment, booked, 'nothing_left', now)
  const { request: detail, priority } = wanted
  const task = PaymentRefund.of(orderId, now, wanted, { detail, priority: amqpPriority[priority] })
  return changed(payment, { refunds: [...payment.refunds, booked] }, now, [task])
}

/** The refund to ask the provider for. Undefined if it is done or refused. */
export function dueRefund(payment: Payment | undefined, request: string): Requested | undefined {
  const booked = payment && findRefund(payment, request)
  return booked?.status === 'due' ? booked : undefined
}

/** `payment.refund`, with the provider's answer. */
export function decidePartRefund(
  payment: Payment | undefined,
  { wanted, answer, now }: { wanted: RefundRequested; answer: RefundAnswer | undefined; now: string },
): Decision {
  const booked = dueRefund(payment, wanted.request)
  if (!payment || !booked || !answer) return nothing
  if (answer.outcome === 'refused') return refused(payment, booked, answer.reason, now)
  const refunds = settled(payment, { ...booked, status: 'done' })
  const isWhole = sumOf(refunds, 'done') === payment.totalCents
  const { request: detail } = wanted
  const data = { ...wanted, refundId: answer.refundId }
  const said = PaymentRefunded.of(payment.orderId, now, data, { detail, priority: amqpPriority[wanted.priority] })
  const end = isWhole ? ({ status: 'refunded', reason: wanted.reason } as const) : {}
  return changed(payment, { refunds, ...end }, now, [said])
}

function refused(payment: Payment, booked: Requested, reason: string, now: string): Decision {
  const { request } = booked
  const options = { detail: request, priority: amqpPriority.failure }
  const said = PaymentRefundRefused.of(payment.orderId, now, { request, reason }, options)
  return changed(payment, { refunds: settled(payment, { ...booked, status: 'refused' }) }, now, [said])
}

/** All refunds, with the changed one. */
function settled({ refunds }: Payment, booked: PartRefund): PartRefund[] {
  return [...refunds.filter(({ request }) => request !== booked.request), booked]
}

function findRefund({ refunds }: Payment, request: string): Requested | undefined {
  return refunds.find((one): one is Requested => one.request === request)
}

/** Nothing is left of a charge that is refunded as a whole because the parcel cannot be shipped. */
function leftOf(payment: Payment): number {
  return payment.status === 'succeeded' && payment.shippingFailure === null ? keptOf(payment) : 0
}
