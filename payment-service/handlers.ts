// Third stop of an order: what is reserved is charged, or fails; what cannot be shipped is given back.
import {
  InventoryReserved,
  type Message,
  OrderCancelRequested,
  PaymentCharge,
  PaymentConfirm,
  PaymentDeadline,
  PaymentGet,
  PaymentVoid,
  ShippingFailed,
} from '@orders/shared/contracts'
import { type Answerer, answers, type Handler, on, type Timers } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import type { PaymentConfig } from './config.ts'
import {
  type Call,
  callForCharge,
  callForReservation,
  type Decision,
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
import { awaitedUntil, paymentOf, savePayment } from './store.ts'

/** The gateway's key is always the order id: whoever asks, and however often, it is about the same one charge. */
export function handlers(gateway: Gateway, terms: Terms): Handler[] {
  return [
    on(InventoryReserved, {
      ask: async ({ subject, data }, { sql, signal }) =>
        settled(gateway, subject, callForReservation(await paymentOf(sql, subject), data, terms), signal),
      handle: ({ subject, data }, tx, { now }, settlement: Settlement | undefined) =>
        change(tx, subject, (payment) =>
          decideReservation(subject, payment, { reservation: data, settlement, terms, now }),
        ),
      giveUp: ({ subject, data }, tx, { now }) =>
        change(tx, subject, (payment) => decideGivenUp(reserved(subject, payment, data, now), now)),
    }),
    on(PaymentCharge, {
      ask: async ({ subject }, { sql, signal }) =>
        settled(gateway, subject, callForCharge(await paymentOf(sql, subject)), signal),
      handle: ({ subject }, tx, { now }, settlement: Settlement | undefined) =>
        change(tx, subject, (payment) => decideCharge(payment, settlement, now)),
      giveUp: ({ subject }, tx, { now }) => change(tx, subject, (payment) => decideGivenUp(payment, now)),
    }),
    // Without a giveUp: a void that the gateway never answers ends in the dead letters, for an operator to send again.
    on(PaymentVoid, {
      ask: async ({ subject }, { sql }) => givenBack(gateway, subject, isRefundDue(await paymentOf(sql, subject))),
      handle: ({ subject }, tx, { now }, refund: Refund | undefined) =>
        change(tx, subject, (payment) => decideRefund(payment, refund, now)),
    }),
    on(OrderCancelRequested, ({ subject }, tx, { now }) =>
      change(tx, subject, (payment) => decideCancellation(subject, payment, now)),
    ),
    on(ShippingFailed, ({ subject, data }, tx, { now }) =>
      change(tx, subject, (payment) => decideShippingFailure(subject, payment, { shippingFailure: data.reason, now })),
    ),
    on(PaymentDeadline, ({ subject }, tx, { now }) => deadlinePassed(subject, tx, now)),
  ]
}

const deadlinePassed = (orderId: string, tx: Sql, now: string) =>
  change(tx, orderId, (payment) => decideDeadline(payment, now))

export function deadlines({ timerGraceMs, timerLookMs }: PaymentConfig): Timers {
  return {
    name: 'payment.deadline',
    graceMs: timerGraceMs,
    lookEveryMs: timerLookMs,
    overdue: awaitedUntil,
    decide: deadlinePassed,
  }
}

const about = ({ orderId }: { orderId: string }) => [orderId]

export const answerers: Answerer[] = [
  answers(PaymentGet, about, async ({ orderId }, tx) => ({ reply: replyOf(await known(tx, orderId)), messages: [] })),
  answers(PaymentConfirm, about, async ({ orderId }, tx, { now }) => {
    const payment = await known(tx, orderId)
    const refusal = refusalOf(payment)
    if (refusal) throw new RejectedError(409, refusal.code, `order ${orderId}: ${refusal.message}`)
    const decision = decideConfirmation(payment, now)
    if (decision.payment) await savePayment(tx, decision.payment)
    return { reply: replyOf(decision.payment ?? payment), messages: decision.messages }
  }),
]

/** @throws RejectedError 404 `no_payment_yet` */
export async function known(sql: Pick<Sql, 'get'>, orderId: string): Promise<Payment> {
  const payment = await paymentOf(sql, orderId)
  if (!payment) throw new RejectedError(404, 'no_payment_yet', `nothing is known of a payment for order ${orderId} yet`)
  return payment
}

/** Load, decide, save, say: the same for every message. */
async function change(
  tx: Sql,
  orderId: string,
  decide: (payment: Payment | undefined) => Decision,
): Promise<Message[]> {
  const { payment, messages } = decide(await paymentOf(tx, orderId))
  if (payment) await savePayment(tx, payment)
  return messages
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
