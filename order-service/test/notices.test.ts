// How far a notification got does not depend on the order in which it is heard.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { furthest, type Notice } from '../notices.ts'

const notice = fc.record<Notice>({
  notificationId: fc.constant('o1.order.paid'),
  channel: fc.constant('sms'),
  status: fc.constantFrom('failed', 'sent', 'undelivered', 'delivered'),
  reason: fc.constant(null),
  at: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:01.000Z', '2026-01-02T00:00:00.000Z'),
})

const after = (heard: Notice[]) =>
  heard.reduce((known: Notice | undefined, next) => furthest(known, next), undefined as Notice | undefined)

it('is the same for every order of arrival, and hearing it again changes nothing', () => {
  const shuffled = fc
    .array(notice, { minLength: 1, maxLength: 6 })
    .chain((heard) => fc.tuple(fc.constant(heard), fc.shuffledSubarray(heard, { minLength: heard.length })))
  fc.assert(
    fc.property(shuffled, ([heard, otherwise]) => {
      expect(after(otherwise)).toEqual(after(heard))
      expect(after([...heard, ...otherwise])).toEqual(after(heard))
    }),
  )
})

it('goes from failed over sent to delivered', () => {
  const at = '2026-01-01T00:00:00.000Z'
  const of = (status: Notice['status']): Notice => ({
    ...{ notificationId: 'o1.order.paid', channel: 'sms', reason: null, at },
    status,
  })
  expect(after([of('sent'), of('delivered'), of('failed')])?.status).toBe('delivered')
  expect(after([of('failed'), of('sent')])?.status).toBe('sent')
  expect(after([of('sent'), of('undelivered')])?.status).toBe('undelivered')
})
