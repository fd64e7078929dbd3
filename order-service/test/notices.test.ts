// How far a notification got does not depend on the order in which it is heard.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { furthest, type Notice } from '../notices.ts'

const heard = fc.record<Notice>({
  notificationId: fc.constant('o1.order.paid'),
  channel: fc.constant('sms'),
  status: fc.constantFrom('held', 'failed', 'sent', 'undelivered', 'delivered'),
  reason: fc.constant(null),
  until: fc.constantFrom(null, '2026-01-03T00:00:00.000Z', '2026-01-04T00:00:00.000Z'),
  at: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', '2026-01-02T00:00:00.000Z'),
})
/** Only what is held has an end. */
const notice = heard.map((one) => (one.status === 'held' ? one : { ...one, until: null }))

const after = (all: Notice[]) =>
  all.reduce((known: Notice | undefined, next) => furthest(known, next), undefined as Notice | undefined)

it('is the same for every order of arrival, and hearing it again changes nothing', () => {
  const shuffled = fc
    .array(notice, { minLength: 1, maxLength: 6 })
    .chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })))
  fc.assert(
    fc.property(shuffled, ([all, otherwise]) => {
      expect(after(otherwise)).toEqual(after(all))
      expect(after([...all, ...otherwise])).toEqual(after(all))
    }),
  )
})

const MORNING = '2026-01-01T08:00:00.000Z'
const NOON = '2026-01-01T12:00:00.000Z'
const said = (status: Notice['status'], at = MORNING, until: string | null = null): Notice => ({
  ...{ notificationId: 'o1.order.paid', channel: 'sms', reason: null },
  ...{ status, at, until },
})

it('goes from failed over sent to delivered', () => {
  expect(after([said('sent'), said('delivered'), said('failed')])?.status).toBe('delivered')
  expect(after([said('failed'), said('sent')])?.status).toBe('sent')
  expect(after([said('sent'), said('undelivered')])?.status).toBe('undelivered')
})

it('what is held twice is held until what was said last, and no longer held once anything became of it', () => {
  const held = [said('held', NOON, NOON), said('held', MORNING, '2026-01-02T08:00:00.000Z')]
  expect(after(held)).toMatchObject({ status: 'held', until: NOON })
  expect(after([...held, said('sent', MORNING)])).toMatchObject({ status: 'sent', until: null })
})
