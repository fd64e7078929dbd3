// The third stop of an order: reserved goods are charged, or the payment fails. If the parcel cannot be shipped, the charge is
// refunded.
import {
  InventoryReserved,
  OrderCancelRequested,
  OrderRefundRequested,
  PaymentCharge,
  PaymentConfirm,
  PaymentDeadline,
  PaymentGet,
  PaymentRefund,
  PaymentVoid,
  ShippingFailed,
} from '@orders/shared/contracts'
import { type Answerer, about, answers, type Handler, on, type Patience, type Timers } from '@orders/shared/messaging'
import { notBefore, PermanentError, RejectedError } from '@orders/shared/runtime'
import { decideAbandoned } from './abandoned.ts'
import { noPaymentYet, pendingSince, refusalOf, replyOf } from './answers.ts'
import { type Begun, createBegun } from './begun.ts'
import { type Call, callForCharge, callForReservation } from './calls.ts'
import type { PaymentConfig } from './config.ts'
import {
  awaitedUntil,
  decideCancellation,
  decideCharge,
  decideConfirmation,
  decideDeadline,
  decideGivenUp,
  decideReservation,
  decideShippingFailure,
  isRefundDue,
  keptOf,
  type Payment,
  reserved,
  type Settlement,
  type Terms,
} from './domain.ts'
import type { Gateway } from './gateway.ts'
import { decidePartRefund, decideRefundRequest, dueRefund, type RefundAnswer } from './refunds.ts'
import { overdueSince, payments } from './store.ts'
import { decideRefund, type Refund } from './voids.ts'

/** How long an order waits for the provider. Then the payment fails. */
const whileItWaits = (forMs: number): Patience => ({ waitsMs: [1_000, 5_000, 15_000, 30_000], forMs })
/** A refund is owed to the customer until it is done or an operator gives it up. */
const UNTIL_DONE: Patience = { waitsMs: [1_000, 5_000, 15_000, 30_000] }

/** The provider's key is always the order id, so all calls about an order, however often made, are about the same charge. */
export function handlers(
  gateway: Gateway & { guard?: Handler['guard'] },
  terms: Terms,
  patienceMs: number,
  begun: Begun = createBegun(),
): Handler[] {
  const charging = { patience: whileItWaits(patienceMs), ...(gateway.guard && { guard: gateway.guard }) }
  return [
    on(InventoryReserved, payments, {
      ...charging,
      ask: ({ subject, data, isForgotten }, { read, signal }) =>
        begun.during(subject, async () =>
          settled(
            gateway,
            subject,
            callForReservation(await read(payments, subject), data, terms, isForgotten),
            signal,
          ),
        ),
      decide: ({ subject, data, isForgotten }, payment, { now }, settlement: Settlement | undefined) =>
        decideReservation(subject, payment, { reservation: data, settlement, terms, now, isForgotten }),
      giveUp: ({ subject, data }, payment, { now }) => decideGivenUp(reserved(subject, payment, data, now), now),
      recall: ({ data }, payment) => notAskedUnless(callForReservation(payment, data, terms)),
    }),
    on(PaymentCharge, payments, {
      ...charging,
      ask: async ({ subject }, { read, signal }) =>
        settled(gateway, subject, callForCharge(await read(payments, subject)), signal),
      recall: (_, payment) => notAskedUnless(callForCharge(payment)),
      decide: (_, payment, { now }, settlement: Settlement | undefined) => decideCharge(payment, settlement, now),
      giveUp: (_, payment, { now }) => decideGivenUp(payment, now),
    }),
    on(PaymentVoid, payments, {
      ...charging,
      patience: UNTIL_DONE,
      ask: async ({ subject }, { read }) => givenBack(gateway, subject, await read(payments, subject)),
      recall: (_, payment) => notAskedUnless(isRefundDue(payment)),
      decide: ({ data: ordered }, payment, { now }, refund: Refund | undefined) =>
        decideRefund(payment, { refund, ordered, now }),
      giveUp: ({ data: wanted }, payment, { now }, { error }) =>
        decideAbandoned(payment, { wanted, why: error.message }, now),
    }),
    on(PaymentRefund, payments, {
      ...charging,
      patience: UNTIL_DONE,
      ask: async ({ subject: key, data: { request } }, { read }) => {
        const due = dueRefund(await read(payments, key), request)
        return due && gateway.refund({ key, refundKey: `${key}/${request}`, amountCents: due.amountCents })
      },
      recall: ({ data: { request } }, payment) => notAskedUnless(dueRefund(payment, request)),
      decide: ({ data: wanted }, payment, { now }, answer: RefundAnswer | undefined) =>
        decidePartRefund(payment, { wanted, answer, now }),
      giveUp: ({ data: wanted }, payment, { now }, { error }) =>
        decideAbandoned(payment, { request: wanted.request, wanted, why: error.message }, now),
    }),
    ...wishes,
    on(PaymentDeadline, payments, {
      decide(_, payment, { now, waitedMs }) {
        notBefore(awaitedUntil(payment), now, { lengthMs: terms.confirmWithinMs, waitedMs })
        return decideDeadline(payment, now)
      },
    }),
  ]
}

/** Requests of other services that need no call to the provider at once. */
export const wishes: Handler[] = [
  on(OrderRefundRequested, payments, {
    decide: ({ subject: orderId, data: wanted }, payment, { now }) =>
      decideRefundRequest(payment, { orderId, wanted, now }),
  }),
  on(OrderCancelRequested, payments, {
    decide: ({ subject }, payment, { now }) => decideCancellation(subject, payment, now),
  }),
  on(ShippingFailed, payments, {
    decide: ({ subject, data: { reason: shippingFailure, ...ordered } }, payment, { now }) =>
      decideShippingFailure(subject, payment, { shippingFailure, ordered, now }),
  }),
]

export function deadlines({ timerGraceMs, timerLookMs }: PaymentConfig): Timers {
  return {
    name: 'payment.deadline',
    graceMs: timerGraceMs,
    lookEveryMs: timerLookMs,
    overdue: overdueSince,
    work: (orderId, now) =>
      about(payments, orderId, (payment) => {
        const decision = decideDeadline(payment, now)
        return { ...decision, result: decision.state !== undefined }
      }),
  }
}

export const answerers: Answerer[] = [
  // Only order-service asks, and only about orders that exist.
  answers(PaymentGet, ({ orderId }, now) =>
    about(payments, orderId, (payment) => ({
      result: payment ? replyOf(payment) : pendingSince(orderId, now),
      messages: [],
    })),
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
function known(payment: Payment | undefined, orderId: string): Payment {
  if (!payment) throw noPaymentYet(orderId)
  return payment
}

/** For a rehearsal: if no call is needed, the provider's answer is known to be none. */
const notAskedUnless = (call: object | boolean | undefined) => (call ? undefined : { answer: undefined })

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

/** The void tells whether there is a charge, and prevents a late one. Both calls may be repeated. */
async function givenBack(gateway: Gateway, key: string, payment: Payment | undefined): Promise<Refund | undefined> {
  if (!payment || !isRefundDue(payment)) return undefined
  const { outcome } = await gateway.void(key)
  if (outcome !== 'charged') return undefined
  const answer = await gateway.refund({ key, refundKey: key, amountCents: keptOf(payment) })
  if (answer.outcome === 'refused')
    throw new PermanentError(answer.reason, `the charge of order ${key} cannot be refunded`)
  return answer
}
