// The rules of a payment, one by one: does it, refuses it, does nothing the second time.
import type { Message } from '@orders/shared/contracts'
import { describe, expect, test } from 'vitest'
import { refusalOf, replyOf } from '../answers.ts'
import { callForCharge, callForReservation } from '../calls.ts'
import {
  type Decision,
  decideCancellation,
  decideCharge,
  decideConfirmation,
  decideDeadline,
  decideGivenUp,
  decideReservation,
  decideShippingFailure,
  isRefundDue,
  type Payment,
  reserved,
  type Settlement,
} from '../domain.ts'
import { decideRefund } from '../voids.ts'
import { confirmBefore, large, now, small, terms } from './examples.ts'

const charged: Settlement = { outcome: 'charged', chargeId: 'ch_1' }
const declined: Settlement = { outcome: 'declined', reason: 'card_declined' }
const voided: Settlement = { outcome: 'voided' }
const refund = { chargeId: 'ch_1', refundId: 're_1' }
const nothing = { messages: [] }

function paymentAfter({ state }: Decision): Payment {
  if (!state) throw new Error('the decision changed nothing')
  return state
}

function said({ messages }: Decision) {
  return messages.map(({ id, data, priority, expirationMs }: Message) => ({ id, data, priority, expirationMs }))
}

const reserve = (payment: Payment | undefined, settlement?: Settlement, reservation = small) =>
  decideReservation('1', payment, { reservation, settlement, terms, now })
const shippingFails = (payment: Payment | undefined, shippingFailure = 'address_not_served') =>
  decideShippingFailure('1', payment, { shippingFailure, now })

const tombstone = paymentAfter(decideCancellation('1', undefined, now))
const undeliverable = paymentAfter(shippingFails(undefined))
const awaiting = paymentAfter(reserve(undefined, undefined, large))
const confirmed = paymentAfter(decideConfirmation(awaiting, now))
const confirmedThenCancelled = paymentAfter(decideCancellation('1', confirmed, now))
const succeeded = paymentAfter(reserve(undefined, charged))
const refundDue = paymentAfter(shippingFails(succeeded))
const failed = paymentAfter(reserve(undefined, declined))
const refunded = paymentAfter(decideRefund(refundDue, { refund, now }))
const decided = { succeeded, refundDue, failed, refunded }
const everything = { tombstone, undeliverable, awaiting, confirmed, confirmedThenCancelled, ...decided }

const success = { ...small, chargeId: 'ch_1' }
const failure = (reason: string, totalCents: number) => ({
  id: '1/payment.failed',
  data: { reason, totalCents },
  priority: 9,
  expirationMs: undefined,
})
const orderedIn = ({ totalCents: _, paymentMethod: __, ...ordered }: typeof large) => ordered
const voidOf = (data: object) => ({ id: '1/payment.void', data, priority: undefined, expirationMs: undefined })
const voidCommand = voidOf(orderedIn(large))

describe('what is asked of the gateway', () => {
  test('a reservation that nobody stopped is charged', () => {
    expect(callForReservation(undefined, small, terms)).toEqual({
      call: 'charge',
      amountCents: 2_500,
      method: 'tok_visa',
    })
  })
  test('without a payment method the default one is charged', () => {
    const { paymentMethod: _, ...plain } = small
    expect(callForReservation(undefined, plain, terms)).toMatchObject({ method: 'tok_visa' })
  })
  test('a total at the limit is charged, one cent more waits for the customer', () => {
    expect(callForReservation(undefined, { ...small, totalCents: 100_000 }, terms)).toMatchObject({ call: 'charge' })
    expect(callForReservation(undefined, { ...small, totalCents: 100_001 }, terms)).toBeUndefined()
  })
  test('a reservation or a charge that was stopped is voided', () => {
    expect(callForReservation(tombstone, small, terms)).toEqual({ call: 'void' })
    expect(callForReservation(undeliverable, small, terms)).toEqual({ call: 'void' })
    expect(callForCharge(confirmedThenCancelled)).toEqual({ call: 'void' })
  })
  test('a confirmed payment is charged', () => {
    expect(callForCharge(confirmed)).toEqual({ call: 'charge', amountCents: 100_001, method: 'tok_visa' })
  })
  test.each(Object.entries(decided))('nothing once the payment is decided: %s', (_, payment) => {
    expect([callForReservation(payment, small, terms), callForCharge(payment)]).toEqual([undefined, undefined])
  })
  test('nothing while the customer has not spoken, nor by a late repeat of the reservation', () => {
    expect(callForReservation(awaiting, large, terms)).toBeUndefined()
    expect(callForReservation(confirmed, large, terms)).toBeUndefined()
    expect([callForCharge(awaiting), callForCharge(undefined)]).toEqual([undefined, undefined])
  })
  test('nothing for a charge that comes without a reservation, whoever forged it', () => {
    expect([callForCharge(tombstone), callForCharge(undeliverable)]).toEqual([undefined, undefined])
  })
  test('a refund is due when the payment failed or the parcel cannot go, and only until it is booked', () => {
    const due = Object.entries(everything).filter(([, payment]) => isRefundDue(payment))
    expect(due.map(([name]) => name)).toEqual(['refundDue', 'failed'])
    expect(isRefundDue(undefined)).toBe(false)
  })
})

describe('inventory.reserved', () => {
  test('charged: payment.success with everything that shipping and inventory need, and the customer forgotten', () => {
    const decision = reserve(undefined, charged)
    expect(said(decision)).toEqual([{ id: '1/payment.success', data: success, priority: 4, expirationMs: undefined }])
    expect(decision.state).toEqual({
      orderId: '1',
      status: 'succeeded',
      totalCents: 2_500,
      chargeId: 'ch_1',
      refundId: null,
      reason: null,
      shippingFailure: null,
      confirmBefore: null,
      refunds: [],
      reservation: null,
      version: 1,
      createdAt: now,
      updatedAt: now,
    })
  })
  test('declined: payment.failed', () => {
    const decision = reserve(undefined, declined)
    expect(said(decision)).toEqual([failure('declined', 2_500)])
    expect(decision.state).toMatchObject({ status: 'failed', reason: 'declined', chargeId: null, reservation: null })
  })
  test('above the limit: the customer is asked, and a timer set', () => {
    const decision = reserve(undefined, undefined, large)
    expect(said(decision)).toEqual([
      {
        id: '1/payment.confirmation_required',
        data: { ...large, confirmBefore },
        priority: 8,
        expirationMs: undefined,
      },
      { id: '1/payment.deadline', data: {}, priority: undefined, expirationMs: 900_000 },
    ])
    expect(decision.state).toMatchObject({ status: 'awaiting_confirmation', totalCents: 100_001, confirmBefore })
  })
  test('after a cancellation, nothing charged: cancelled_by_customer', () => {
    expect(said(reserve(tombstone, voided))).toEqual([failure('cancelled_by_customer', 2_500)])
  })
  test('after a cancellation, but the charge came first: the cancellation lost', () => {
    expect(said(reserve(tombstone, charged)).map(({ id }) => id)).toEqual(['1/payment.success'])
  })
  test('a cancellation that came while the gateway was not asked: failed, and the key is closed afterwards', () => {
    expect(said(reserve(tombstone, undefined, large))).toEqual([failure('cancelled_by_customer', 100_001), voidCommand])
  })
  test('after a shipping failure: its reason, and a charge that is found goes back', () => {
    expect(said(reserve(undeliverable, voided))).toEqual([failure('address_not_served', 2_500)])
    const decision = reserve(undeliverable, charged)
    expect(said(decision).map(({ id }) => id)).toEqual(['1/payment.success', '1/payment.void'])
    expect(isRefundDue(decision.state)).toBe(true)
  })
  test('a charge that another copy made, under another limit, stands', () => {
    expect(said(reserve(awaiting, charged, large)).map(({ id }) => id)).toEqual(['1/payment.success'])
  })
  test.each(Object.entries(decided))('nothing once decided, whatever the gateway says: %s', (_, payment) => {
    expect([charged, declined, voided, undefined].map((settlement) => reserve(payment, settlement))).toEqual(
      Array(4).fill(nothing),
    )
  })
  test('nothing the second time while the customer is asked, or has spoken', () => {
    expect([reserve(awaiting, undefined, large), reserve(confirmed, undefined, large)]).toEqual([nothing, nothing])
  })
  test('a small total that the gateway was never asked about is a broken invariant', () => {
    expect(() => reserve(undefined, undefined, small)).toThrow('was not called')
  })
})

describe('payment.charge', () => {
  test('charged: payment.success with what was reserved', () => {
    expect(said(decideCharge(confirmed, charged, now))).toEqual([
      { id: '1/payment.success', data: { ...large, chargeId: 'ch_1' }, priority: 8, expirationMs: undefined },
    ])
  })
  test('declined: payment.failed', () => {
    expect(said(decideCharge(confirmed, declined, now))).toEqual([failure('declined', 100_001)])
  })
  test('cancelled meanwhile: failed when nothing was charged, success when it was', () => {
    expect(said(decideCharge(confirmedThenCancelled, voided, now))).toEqual([failure('cancelled_by_customer', 100_001)])
    expect(said(decideCharge(confirmedThenCancelled, charged, now)).map(({ id }) => id)).toEqual(['1/payment.success'])
  })
  test.each(Object.entries(decided))('nothing once decided: %s', (_, payment) => {
    expect(decideCharge(payment, charged, now)).toEqual(nothing)
  })
  test('nothing without an answer or a payment', () => {
    expect([decideCharge(confirmed, undefined, now), decideCharge(undefined, charged, now)]).toEqual([nothing, nothing])
  })
})

describe('giving up', () => {
  test.each([
    ['a reservation', reserved('1', undefined, small, now), 2_500],
    ['a cancelled reservation', reserved('1', tombstone, small, now), 2_500],
    ['a confirmed charge', confirmed, 100_001],
    ['a confirmed, then cancelled charge', confirmedThenCancelled, 100_001],
  ])('%s fails, and what the gateway did is found out by a void', (_, payment, totalCents) => {
    const decision = decideGivenUp(payment, now)
    const ordered = orderedIn(totalCents === small.totalCents ? small : large)
    expect(said(decision)).toEqual([failure('gateway_unavailable', totalCents), voidOf(ordered)])
    expect(decision.state).toMatchObject({ status: 'failed', reason: 'gateway_unavailable', totalCents })
  })
  test.each(Object.entries({ ...decided, awaiting }))('respects what was decided meanwhile: %s', (_, payment) => {
    expect(decideGivenUp(payment, now)).toEqual(nothing)
    expect(decideGivenUp(reserved('1', payment, small, now), now)).toEqual(nothing)
  })
  test('nothing without a payment', () => {
    expect(decideGivenUp(undefined, now)).toEqual(nothing)
  })
})

describe('order.cancel_requested', () => {
  test('before the reservation: a tombstone, and nothing said yet', () => {
    expect(decideCancellation('1', undefined, now)).toEqual({ state: tombstone, messages: [] })
    expect(tombstone).toMatchObject({ status: 'cancel_requested', totalCents: null, version: 1 })
  })
  test('while the customer is asked: failed at once', () => {
    expect(said(decideCancellation('1', awaiting, now))).toEqual([
      failure('cancelled_by_customer', 100_001),
      voidCommand,
    ])
  })
  test('confirmed but not charged yet: remembered, for the charge to find', () => {
    expect(confirmedThenCancelled).toMatchObject({ status: 'cancel_requested', reservation: large })
    expect(said(decideCancellation('1', confirmed, now))).toEqual([])
  })
  test.each(Object.entries({ tombstone, undeliverable, confirmedThenCancelled, ...decided }))(
    'too late, or the second time, it changes nothing: %s',
    (_, payment) => expect(decideCancellation('1', payment, now)).toEqual(nothing),
  )
})

describe('shipping.failed', () => {
  test('a charged payment is to be given back', () => {
    const ordered = orderedIn(small)
    const decision = decideShippingFailure('1', succeeded, { shippingFailure: 'address_not_served', ordered, now })
    expect(said(decision)).toEqual([voidOf(ordered)])
    expect(refundDue).toMatchObject({ status: 'succeeded', shippingFailure: 'address_not_served' })
  })
  test('before everything else: a tombstone', () => {
    expect(undeliverable).toMatchObject({ status: 'cancel_requested', shippingFailure: 'address_not_served' })
    expect(shippingFails(undefined).messages).toEqual([])
  })
  test('while the customer is asked: failed at once', () => {
    expect(said(shippingFails(awaiting))).toEqual([failure('address_not_served', 100_001), voidCommand])
  })
  test('confirmed, or cancelled: nothing may be charged, and what was goes back', () => {
    for (const payment of [confirmed, tombstone, confirmedThenCancelled])
      expect(shippingFails(payment)).toMatchObject({
        state: { status: 'cancel_requested', shippingFailure: 'address_not_served' },
        messages: [],
      })
  })
  test.each(Object.entries({ undeliverable, refundDue, failed, refunded }))(
    'nothing the second time: %s',
    (_, payment) => {
      expect(shippingFails(payment, 'another_reason')).toEqual(nothing)
    },
  )
})

describe('payment.void', () => {
  test('the parcel cannot go: refunded, with its reason', () => {
    const ordered = orderedIn(small)
    expect(said(decideRefund(refundDue, { refund, ordered, now }))).toEqual([
      {
        id: '1/payment.refunded',
        data: { ...ordered, totalCents: 2_500, refundId: 're_1', reason: 'address_not_served' },
        priority: 9,
        expirationMs: undefined,
      },
    ])
    expect(refunded).toMatchObject({ status: 'refunded', reason: 'address_not_served', ...refund })
  })
  test('a failed payment whose charge had happened after all: refunded, and the charge is on record', () => {
    const gaveUp = paymentAfter(decideGivenUp(confirmed, now))
    expect(decideRefund(gaveUp, { refund, now })).toMatchObject({
      state: { status: 'refunded', reason: 'gateway_unavailable', ...refund },
      messages: [{ id: '1/payment.refunded', data: { reason: 'gateway_unavailable', totalCents: 100_001 } }],
    })
  })
  test('nothing was charged: nothing', () => {
    expect(decideRefund(failed, { refund: undefined, now })).toEqual(nothing)
  })
  test.each(Object.entries({ tombstone, awaiting, confirmed, succeeded, refunded }))(
    'where nothing is to be given back, or it was already: %s',
    (_, payment) => expect(decideRefund(payment, { refund, now })).toEqual(nothing),
  )
})

describe('payment.deadline', () => {
  test('the customer never spoke: failed', () => {
    expect(said(decideDeadline(awaiting, now))).toEqual([failure('confirmation_timeout', 100_001), voidCommand])
  })
  const { awaiting: _, ...others } = everything
  test.each(Object.entries(others))('the state decides, and this one needs no deadline: %s', (_name, payment) => {
    expect(decideDeadline(payment, now)).toEqual(nothing)
  })
  test('nothing without a payment', () => {
    expect(decideDeadline(undefined, now)).toEqual(nothing)
  })
})

describe('payment.confirm', () => {
  const charged = paymentAfter(decideCharge(confirmed, { outcome: 'charged', chargeId: 'ch_1' }, now))
  test('the first time: the charge is set off', () => {
    expect(said(decideConfirmation(awaiting, now))).toEqual([
      { id: '1/payment.charge', data: {}, priority: 8, expirationMs: undefined },
    ])
    expect([confirmed.status, refusalOf(awaiting)]).toEqual(['confirmed', undefined])
  })
  test.each(Object.entries({ confirmed, charged }))(
    'repeated: the same answer, and nothing happens: %s',
    (_, payment) => {
      expect([refusalOf(payment), decideConfirmation(payment, now)]).toEqual([undefined, nothing])
    },
  )
  test.each([
    ['payment_failed', failed],
    ['payment_refunded', refunded],
    ['cancellation_requested', tombstone],
    ['cancellation_requested', confirmedThenCancelled],
    ['confirmation_not_needed', succeeded],
  ])('refused: %s', (code, payment) => {
    expect([refusalOf(payment)?.code, decideConfirmation(payment, now)]).toEqual([code, nothing])
  })
})

test('the answer shows where the money is, and nothing of the customer', () => {
  expect(replyOf(awaiting)).toEqual({
    orderId: '1',
    status: 'awaiting_confirmation',
    totalCents: 100_001,
    refundedCents: 0,
    reason: null,
    chargeId: null,
    confirmBefore,
    updatedAt: now,
  })
})
