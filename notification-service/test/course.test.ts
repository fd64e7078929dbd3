// The course of an order: for every order of arrival, nothing is said that is untrue, and nothing before what comes before it.
import { permutations } from '@orders/shared/testing'
import { expect, it } from 'vitest'
import { courseOfOrders as course } from '../orders/course.ts'
import { type Entry, supersededBy, untrueBy, type Way, waitsForEarlier } from '../timelines/domain.ts'

const at = '2026-11-21T08:30:00.000Z'
const waiting: Way = { status: 'waiting', attempts: 0, dueAt: null, claimedBy: null }
const entry = (eventType: string, way: Partial<Way> = {}): Entry => ({
  id: `1.${eventType}`,
  eventType,
  createdAt: at,
  ways: { email: { ...waiting, ...way } },
})
const by = (eventType: string, timeline: Entry[], isLate = false, isAgain = false) =>
  supersededBy(course, timeline, eventType, { channel: 'email', isLate, isAgain })
const wait = (eventType: string, timeline: Entry[], isUnderWay = () => false) =>
  waitsForEarlier(course, timeline, eventType, { channel: 'email', now: at, isUnderWay })

it.each([
  ['order.created', ['order.cancelled']],
  ['payment.confirmation_required', ['order.paid', 'order.shipped', 'order.completed', 'order.cancelled']],
  ['reminder.2', ['order.paid', 'order.shipped', 'order.completed', 'order.cancelled']],
  ['order.paid', ['order.cancelled']],
  ['order.shipped', ['order.cancelled']],
  ['order.completed', []],
  ['order.cancelled', []],
  ['follow_up.1', []],
  ['payment.refunded', []],
  ['payment.refunded.1', []],
  ['direct', []],
])('%s is untrue after %j, in whatever way it is asked, and after nothing else', (news, after) => {
  const all = Object.keys(course.kinds)
  const untrue = all.filter((kind) => by(news, [entry(kind)], false, true) !== undefined)
  expect(untrue).toEqual(all.filter((kind) => after.includes(kind)))
  expect(all.filter((kind) => untrueBy(course, [entry(news)], kind).length > 0)).toEqual(untrue)
})

it('what is old is dropped where it is late, and said where it goes at once or an operator says so', () => {
  const timeline = [entry('order.shipped')]
  expect(by('order.paid', timeline)).toBeUndefined()
  expect(by('order.paid', timeline, true)).toBe('1.order.shipped')
  expect(by('order.paid', timeline, true, true)).toBeUndefined()
  expect(by('order.created', timeline, true)).toBeUndefined()
})

it('nothing is said after what follows it was said, but for the end of an order', () => {
  const said = entry('payment.refunded', { status: 'sent' })
  expect(by('order.created', [said])).toBe('1.payment.refunded')
  expect(by('order.cancelled', [said])).toBeUndefined()
  expect(by('order.created', [entry('order.paid', { claimedBy: 'somebody' })])).toBe('1.order.paid')
  expect(by('order.created', [entry('order.paid', { status: 'failed' })])).toBeUndefined()
  expect(by('order.created', [entry('order.paid', { status: 'failed', claimedBy: 'somebody' })])).toBe('1.order.paid')
})

it('news waits for what comes before it: while it is being said, is still to be said, or is not heard yet', () => {
  const paid = (way: Partial<Way>) => [entry('order.paid', way)]
  expect(wait('order.cancelled', paid({}))).toBe('to be said')
  expect(wait('order.cancelled', [...paid({}), entry('order.cancelled')])).toBeUndefined()
  expect(wait('order.cancelled', [...paid({ claimedBy: 'x' }), entry('order.cancelled')], () => true)).toBe('under way')
  expect(wait('order.shipped', paid({ status: 'held', dueAt: '2026-11-21T09:00:00.000Z' }))).toBeUndefined()
  expect(wait('order.shipped', [...paid({ status: 'held', dueAt: at }), entry('order.shipped')])).toBeUndefined()
  for (const status of ['sent', 'failed', 'expired', 'superseded'] as const)
    expect(wait('order.shipped', paid({ status }))).toBeUndefined()
  expect(wait('payment.refunded', [])).toBe('unheard')
  expect(wait('payment.refunded', [entry('order.cancelled', { status: 'sent' })])).toBeUndefined()
  expect(wait('payment.refunded.1', [])).toBeUndefined()
})

it("a refund waits for a cancellation that may still be sent from the dead letters, an operator's own refund does not", () => {
  const failed = [entry('order.cancelled', { status: 'failed', attempts: 1 })]
  expect(wait('payment.refunded', failed)).toBe('unheard')
  expect(wait('payment.refunded.1', failed)).toBeUndefined()
  // The process that sent it again has died. Its message is delivered once more.
  const again = [entry('order.cancelled', { status: 'failed', attempts: 1, claimedBy: 'dead' })]
  for (const refund of ['payment.refunded', 'payment.refunded.1']) expect(wait(refund, again)).toBe('to be said')
  const undelivered = [entry('order.cancelled', { status: 'undelivered' })]
  expect(wait('payment.refunded', undelivered)).toBeUndefined()
})

it('what a digest says is said with it: later news waits for it, and nothing is said that it comes before', () => {
  const inDigest = (eventType: string, id: string, way: Partial<Way> = {}) =>
    entry(eventType, { status: 'digested', digest: { id, ...waiting, ...way } })
  const created = (way?: Partial<Way>) => inDigest('order.created', 'one', way)
  expect(wait('order.paid', [created()])).toBe('to be said')
  expect(wait('order.paid', [created({ claimedBy: 'x' })], () => true)).toBe('under way')
  expect(wait('order.cancelled', [created(), entry('order.cancelled')])).toBeUndefined()
  for (const status of ['sent', 'failed', 'cancelled'] as const)
    expect(wait('order.paid', [created({ status })])).toBeUndefined()
  const inOne = { channel: 'email', now: at, isUnderWay: () => true, digestId: 'one' } as const
  expect(waitsForEarlier(course, [created({ claimedBy: 'x' })], 'order.paid', inOne)).toBeUndefined()
  expect(waitsForEarlier(course, [created()], 'order.paid', { ...inOne, digestId: 'two' })).toBe('to be said')

  const paid = (way?: Partial<Way>) => inDigest('order.paid', 'two', way)
  const createdIn = (digestId: string, timeline: Entry[]) =>
    supersededBy(course, timeline, 'order.created', { channel: 'email', isLate: false, digestId })
  expect(createdIn('one', [paid()])).toBeUndefined()
  expect(createdIn('one', [paid({ status: 'sent' })])).toBe('1.order.paid')
  expect(createdIn('two', [paid({ status: 'sent' })])).toBeUndefined()
})

const STEPS = ['order.created', 'payment.confirmation_required', 'order.paid', 'order.shipped', 'order.cancelled']

it('in whatever order news is heard and tried, what is said is in the order of the facts, and an end is said', () => {
  for (const heard of permutations(STEPS)) {
    const timeline: Entry[] = []
    const told: string[] = []
    const attempt = () => {
      for (const [index, one] of timeline.entries()) {
        if (one.ways.email?.status !== 'waiting') continue
        const isDropped = by(one.eventType, timeline) !== undefined
        if (!isDropped && wait(one.eventType, timeline)) continue
        if (!isDropped) told.push(one.eventType)
        timeline[index] = entry(one.eventType, { status: isDropped ? 'superseded' : 'sent' })
      }
    }
    for (const news of heard) {
      timeline.push(entry(news))
      attempt()
      attempt()
    }
    expect(told).toEqual(STEPS.filter((step) => told.includes(step)))
    expect(told.at(-1)).toBe('order.cancelled')
  }
})
