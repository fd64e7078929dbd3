// Refunds that operators want, in every order of arrival: asked for at the same moment, twice, late, with a copy that dies between the
// gateway's answer and the commit, and with a gateway that refuses. Never more than the charge goes back, and each wish is answered once.
import { type Message, type RefundRequested, registry } from '@orders/shared/contracts'
import { encode } from '@orders/shared/messaging'
import { sequences } from '@orders/shared/testing'
import { describe, expect, test } from 'vitest'
import { replyOf } from '../answers.ts'
import { type Decision, decideReservation, decideShippingFailure, type Payment } from '../domain.ts'
import { decidePartRefund, decideRefundRequest, dueRefund, type RefundAnswer } from '../refunds.ts'
import { now, small, terms } from './examples.ts'

const CHARGED = small.totalCents
const settlement = { outcome: 'charged', chargeId: 'ch_1' } as const
const paid = stateAfter(decideReservation('1', undefined, { reservation: small, settlement, terms, now }))
const wish = (request: string, totalCents: number): RefundRequested => ({
  user: small.user,
  priority: small.priority,
  request,
  lines: [{ sku: 'item1', quantity: 1, unitPriceCents: totalCents }],
  totalCents,
  reason: 'damaged',
  returnToStock: true,
})
/** Any two of them are more than the charge, but for the first two. */
const wishes = [wish('1', 1_250), wish('2', 1_250), wish('3', CHARGED)]

function stateAfter({ state }: Decision): Payment {
  if (!state) throw new Error('the decision changed nothing')
  return state
}

interface World {
  payment: Payment
  /** The gateway's books, by refund. */
  books: ReadonlyMap<string, number>
  said: Message[]
  late: (() => void)[]
}

function begin(refuses: boolean) {
  const world: World = { payment: paid, books: new Map(), said: [], late: [] }
  const apply = ({ state = world.payment, messages }: Decision) => {
    world.payment = state
    world.said.push(...messages)
  }
  const hasTask = (request: string) => world.said.some(({ id }) => id === `1/payment.refund/${request}`)
  const ask = (wanted: RefundRequested): RefundAnswer | undefined => {
    const due = dueRefund(world.payment, wanted.request)
    if (!due) return undefined
    if (refuses && !world.books.has(wanted.request)) return { outcome: 'refused', reason: 'card_closed' }
    world.books = new Map(world.books).set(wanted.request, due.amountCents)
    return { outcome: 'refunded', chargeId: 'ch_1', refundId: `re_${wanted.request}` }
  }
  const commit = (wanted: RefundRequested, answer: RefundAnswer | undefined) =>
    apply(decidePartRefund(world.payment, { wanted, answer, now }))
  return {
    world,
    wants: (wanted: RefundRequested) => apply(decideRefundRequest(world.payment, { orderId: '1', wanted, now })),
    pays: (wanted: RefundRequested) => void (hasTask(wanted.request) && commit(wanted, ask(wanted))),
    dies: (wanted: RefundRequested) => void (hasTask(wanted.request) && ask(wanted)),
    pausesIn(wanted: RefundRequested) {
      if (!hasTask(wanted.request)) return
      const answer = ask(wanted)
      world.late.push(() => commit(wanted, answer))
    },
    settle() {
      for (const finish of world.late.splice(0)) finish()
      for (const wanted of wishes) this.pays(wanted)
    },
  }
}

const acts = ['wants', 'pays', 'dies', 'pausesIn'] as const
const steps = acts.flatMap((act) => wishes.map((wanted) => ({ act, wanted })))

describe.each([false, true])('when the gateway refuses: %s', (refuses) => {
  test('whatever comes first, again or late, the money and the words agree', () => {
    const fitting = new Set<string>()
    const ends = new Set<string>()
    for (const path of sequences(steps, 4)) {
      const one = begin(refuses)
      for (const { act, wanted } of path) one[act](wanted)
      one.settle()
      const { payment, books, said } = one.world
      const wanted = new Set(path.filter(({ act }) => act === 'wants').map((step) => step.wanted.request))
      const answers = said.filter(({ type }) => type === 'payment.refunded' || type === 'payment.refund_refused')
      const back = [...books.values()].reduce((sum, amount) => sum + amount, 0)
      expect(back).toBeLessThanOrEqual(CHARGED)
      expect(answers.map(({ id }) => id.split('/').at(-1)).sort()).toEqual([...wanted].sort())
      expect(new Set(said.map(({ id }) => id)).size).toBe(said.length)
      expect(new Set(answers.filter(({ type }) => type === 'payment.refunded').map(({ id }) => id.at(-1)))).toEqual(
        new Set(books.keys()),
      )
      expect(replyOf(payment)).toMatchObject({
        refundedCents: back,
        status: back === CHARGED ? 'refunded' : 'succeeded',
      })
      for (const message of said) {
        const text = JSON.stringify(message)
        if (!fitting.has(text)) encode(registry, message, 'payment-service', {})
        fitting.add(text)
      }
      ends.add(`${wanted.size} ${back}`)
    }
    const most = ['0 0', '1 1250', '1 2500', '2 1250', '2 2500', '3 2500']
    expect([...ends].sort()).toEqual(refuses ? ['0 0', '1 0', '2 0', '3 0'] : most)
  })
})

test('what is told of a refund is for whom, which goods and how much', () => {
  const one = begin(false)
  const [wanted = wish('1', 1)] = wishes
  one.wants(wanted)
  one.settle()
  expect(one.world.said.at(-1)).toMatchObject({
    id: '1/payment.refunded/1',
    data: { ...wanted, refundId: 're_1' },
  })
})

test('nothing is given back of what was never charged, and nothing more of what goes back as a whole', () => {
  const wanted = wish('1', 1)
  expect(() => decideRefundRequest(undefined, { orderId: '1', wanted, now })).toThrow('never charged')
  const undeliverable = stateAfter(decideShippingFailure('1', paid, { shippingFailure: 'address_not_served', now }))
  const decision = decideRefundRequest(undeliverable, { orderId: '1', wanted, now })
  expect(decision.messages).toMatchObject([{ type: 'payment.refund_refused', data: { reason: 'nothing_left' } }])
})
