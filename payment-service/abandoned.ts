// Refunds that an operator gave up although they are owed to a customer. Each is stored and published as abandoned. When an
// operator asks again, it is retried under its first key, so the provider recognises a refund that it has made already.
import {
  amqpPriority,
  type Message,
  type Ordered,
  PaymentRefund,
  PaymentRefundAbandoned,
  PaymentVoid,
  type RefundRequested,
} from '@orders/shared/contracts'
import { changed, type Decision, isRefundDue, keptOf, type PartRefund, type Payment } from './domain.ts'

interface GivenUp {
  /** Undefined for the refund of the whole charge. */
  request?: string
  /** The data of the task that was given up. */
  wanted: Ordered | RefundRequested
  why: string
}

const nothing: Decision = { messages: [] }
const isAbandoned = ({ status }: PartRefund) => status === 'given_up'

/** Handles `POST /retries/:id/give-up` of a `payment.void` or `payment.refund` that was still owed. */
export function decideAbandoned(
  payment: Payment | undefined,
  { request, wanted, why }: GivenUp,
  now: string,
): Decision {
  const before = payment?.refunds.find((one) => one.request === request)
  const isOwed = request === undefined ? isRefundDue(payment) : before?.status === 'due'
  if (!payment || !isOwed) return nothing
  const times = (before?.abandoned?.times ?? 0) + 1
  const owed: PartRefund = {
    ...(request !== undefined && { request }),
    // For the whole charge, only the provider knows whether there was one.
    amountCents: before?.amountCents ?? 0,
    status: 'given_up',
    abandoned: { times, why, at: now, wanted },
  }
  const refunds = [...payment.refunds.filter((one) => one !== before), owed]
  return changed(payment, { refunds }, now, [saidOf(payment, owed, now)])
}

function saidOf(payment: Payment, { request = 'whole', amountCents, abandoned }: PartRefund, now: string): Message {
  const { times = 1, why = '', wanted } = abandoned ?? {}
  const totalCents = request === 'whole' ? keptOf(payment) : amountCents
  const currency = wanted?.currency
  const data = { totalCents, reason: why, ...(currency !== undefined && { currency }) }
  const detail = times === 1 ? request : `${request}.${times}`
  return PaymentRefundAbandoned.of(payment.orderId, now, data, { detail, priority: amqpPriority.failure })
}

/** An operator asks again for all refunds that were given up. */
export function askAgain(payment: Payment, now: string): Decision {
  const abandoned = payment.refunds.filter(isAbandoned)
  if (abandoned.length === 0) return nothing
  const refunds = payment.refunds.map((one) => (isAbandoned(one) ? due(one) : one))
  return changed(
    payment,
    { refunds },
    now,
    abandoned.flatMap((one) => taskOf(payment.orderId, one, now)),
  )
}

function due({ abandoned, ...refund }: PartRefund): PartRefund {
  return { ...refund, status: 'due', abandoned: abandoned && { ...abandoned, wanted: undefined } }
}

function taskOf(orderId: string, { request, abandoned }: PartRefund, now: string): Message[] {
  const { wanted } = abandoned ?? {}
  if (!wanted) return []
  if (!isRequest(wanted)) return [PaymentVoid.of(orderId, now, wanted)]
  const options = { detail: request ?? '', priority: amqpPriority[wanted.priority] }
  return [PaymentRefund.of(orderId, now, wanted, options)]
}

const isRequest = (wanted: Ordered | RefundRequested): wanted is RefundRequested => 'request' in wanted
