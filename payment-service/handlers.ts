// Third stop of an order: what is reserved is charged, or fails; what cannot be shipped is given back.
import {
  InventoryReserved,
  OrderCancelRequested,
  PaymentCharge,
  PaymentConfirm,
  PaymentDeadline,
  PaymentGet,
  PaymentVoid,
  ShippingFailed,
} from '@orders/shared/contracts'
import { type Answerer, about, answers, type Handler, on, type Timers } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { PaymentConfig } from './config.ts'
import {
  type Call,
  callForCharge,
  callForReservation,
  decideCancellation,
  decideCharge,
  decideConfirmation,
  decideDeadline,
  decideGivenUp,
  decideRefund,
  decideReservation,
  decideShippingFailure,
  isRefundDue,
  type Payment,
  type Refund,
  refusalOf,
  replyOf,
  reserved,
  type Settlement,
  type Terms,
} from './domain.ts'
import type { Gateway } from './gateway.ts'
import { awaitedUntil, payments } from './store.ts'

/** The gateway's key is always the order id: whoever asks, and however often, it is about the same one charge. */
export function handlers(gateway: Gateway, terms: Terms): Handler[] {
  return [
    on(InventoryReserved, payments, {
      ask: async ({ subject, data }, { read, signal }) =>
        settled(gateway, subject, callForReservation(await read(payments, subject), data, terms), signal),
      decide: ({ subject, data }, payment, { now }, settlement: Settlement | undefined) =>
        decideReservation(subject, payment, { reservation: data, settlement, terms, now }),
      giveUp: ({ subject, data }, payment, { now }) => decideGivenUp(reserved(subject, payment, data, now), now),
    }),
    on(PaymentCharge, payments, {
      ask: async ({ subject }, { read, signal }) =>
        settled(gateway, subject, callForCharge(await read(payments, subject)), signal),
      decide: (_, payment, { now }, settlement: Settlement | undefined) => decideCharge(payment, settlement, now),
      giveUp: (_, payment, { now }) => decideGivenUp(payment, now),
    }),
    // Without a giveUp: a void that the gateway never answers ends in the dead letters, for an operator to send again.
    on(PaymentVoid, payments, {
      ask: async ({ subject }, { read }) => givenBack(gateway, subject, isRefundDue(await read(payments, subject))),
      decide: (_, payment, { now }, refund: Refund | undefined) => decideRefund(payment, refund, now),
    }),
    on(OrderCancelRequested, payments, {
      decide: ({ subject }, payment, { now }) => decideCancellation(subject, payment, now),
    }),
    on(ShippingFailed, payments, {
      decide: ({ subject, data }, payment, { now }) =>
        decideShippingFailure(subject, payment, { shippingFailure: data.reason, now }),
    }),
    on(PaymentDeadline, payments, { decide: (_, payment, { now }) => decideDeadline(payment, now) }),
  ]
}

export function deadlines({ timerGraceMs, timerLookMs }: PaymentConfig): Timers {
  return {
    name: 'payment.deadline',
    graceMs: timerGraceMs,
    lookEveryMs: timerLookMs,
    overdue: awaitedUntil,
    work: (orderId, now) =>
      about(payments, orderId, (payment) => {
        const decision = decideDeadline(payment, now)
        return { ...decision, result: decision.state !== undefined }
      }),
  }
}

export const answerers: Answerer[] = [
  answers(PaymentGet, ({ orderId }) =>
    about(payments, orderId, (payment) => ({ result: replyOf(known(payment, orderId)), messages: [] })),
  ),
  answers(PaymentConfirm, ({ orderId }, now) =>
    about(payments, orderId, (found) => {
      const payment = known(found, orderId)
      const refusal = refusalOf(payment)
      if (refusal) throw new RejectedError(409, refusal.code, `order ${orderId}: ${refusal.message}`)
      const decision = decideConfirmation(payment, now)
      return { ...decision, result: replyOf(decision.state ?? payment) }
    }),
  ),
]

/** @throws RejectedError 404 `no_payment_yet` */
export function known(payment: Payment | undefined, orderId: string): Payment {
  if (!payment) throw new RejectedError(404, 'no_payment_yet', `nothing is known of a payment for order ${orderId} yet`)
  return payment
}

async function settled(
  gateway: Gateway,
  key: string,
  call: Call,
  signal: AbortSignal,
): Promise<Settlement | undefined> {
  if (call?.call === 'charge')
    return gateway.charge({ key, amountCents: call.amountCents, method: call.method }, signal)
  return call && gateway.void(key)
}

/** The void tells whether there is a charge, and keeps a late one from happening; both calls may be repeated. */
async function givenBack(gateway: Gateway, key: string, due: boolean): Promise<Refund | undefined> {
  if (!due) return undefined
  const { outcome } = await gateway.void(key)
  return outcome === 'charged' ? gateway.refund(key) : undefined
}
