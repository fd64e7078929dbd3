// The plan with all its rules: which one is asked first, and that it comes to an end whatever the wishes and the clock.
import { channels } from '@orders/shared/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { plainWords } from '../content.ts'
import type { Notification } from '../domain.ts'
import { type ChannelContext, plan, type Step } from '../rules/plan.ts'
import { style } from './templates.ts'
import { termsWith } from './terms.ts'

const at = '2026-11-21T08:30:00.000Z'
const minute = (count: number) => new Date(Date.parse(at) + count * 60_000).toISOString()
const { settings } = termsWith({ DIGEST_SECONDS: '600', THROTTLE_MAX: '1', THROTTLE_SECONDS: '600' })

function news(more: Partial<Notification> = {}): Notification {
  return {
    id: '1',
    subject: '1',
    orderId: null,
    eventType: 'direct',
    category: 'newsletter',
    priority: 4,
    addresses: { email: 'g@example.org', sms: '+94 11 234' },
    words: plainWords('News', 'It is new.', {}, style),
    createdAt: at,
    customerId: null,
    sendAt: null,
    expiresAt: null,
    ...more,
  }
}

const stepOf = (notification: Notification, known: ChannelContext, now = at): Step => {
  const [planned] = plan(notification, ['email'], { now, settings, channels: { email: known } })
  return planned?.step ?? { kind: 'send' }
}

/** Every rule objects. */
const all: ChannelContext = {
  preferences: { quietHours: '08:00-10:00', categories: { newsletter: { email: false, digest: true } } },
  recent: { sent: [Date.parse(at)], places: [Date.parse(at)] },
}
const wanted = { quietHours: '08:00-10:00', categories: { newsletter: { digest: true } } }

describe('of several rules that object, the first decides', () => {
  const later = minute(60)
  const cases: [string, Notification, ChannelContext, Step][] = [
    ['over', news({ expiresAt: at, sendAt: later }), all, { kind: 'end', status: 'expired' }],
    ['not wanted', news({ sendAt: later }), all, { kind: 'end', status: 'opted_out' }],
    [
      'too early',
      news({ sendAt: later }),
      { ...all, preferences: wanted },
      { kind: 'hold', dueAt: later, reason: 'send_at' },
    ],
    ['gathered', news(), { ...all, preferences: wanted }, { kind: 'hold', dueAt: minute(10), reason: 'digest' }],
    [
      'quiet',
      news(),
      { ...all, preferences: wanted, wasGathered: true },
      { kind: 'hold', dueAt: minute(90), reason: 'quiet_hours' },
    ],
    ['no room', news(), { recent: all.recent }, { kind: 'hold', dueAt: minute(10), reason: 'throttled' }],
    ['nothing', news(), {}, { kind: 'send' }],
  ]
  it.each(cases)('%s', (_, notification, known, step) => expect(stepOf(notification, known)).toEqual(step))
})

it('holds nothing that is urgent but for its own time; what is not wanted is not sent all the same', () => {
  const urgent = news({ priority: 9 })
  expect(stepOf(urgent, { ...all, preferences: wanted })).toEqual({ kind: 'send' })
  expect(stepOf(urgent, all)).toEqual({ kind: 'end', status: 'opted_out' })
})

it('gathers nothing that would be over before its digest, and no digest', () => {
  const digesting = { preferences: { categories: { newsletter: { digest: true } } } }
  expect(stepOf(news({ expiresAt: minute(10) }), digesting)).toEqual({ kind: 'send' })
  expect(stepOf(news({ expiresAt: minute(11) }), digesting)).toMatchObject({ reason: 'digest' })
  expect(stepOf(news({ eventType: 'digest' }), digesting)).toEqual({ kind: 'send' })
})

it('comes to an end: each hold ends later than now, and after three of them at most it is sent or over', () => {
  const clock = fc.constantFrom('00:00', '06:15', '12:00', '22:00', '23:59')
  const known = fc.record({
    preferences: fc.record({
      quietHours: fc.option(
        fc.tuple(clock, clock).map(([from, to]) => `${from}-${to}`),
        { nil: null },
      ),
      timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kathmandu', undefined),
      categories: fc.record({ newsletter: fc.record({ email: fc.boolean(), digest: fc.boolean() }) }),
    }),
    hasRecent: fc.boolean(),
  })
  const maybe = fc.option(fc.integer({ min: -600, max: 2_000 }).map(minute), { nil: null })
  fc.assert(
    fc.property(
      known,
      maybe,
      maybe,
      fc.constantFrom(4, 9),
      ({ preferences, hasRecent }, sendAt, expiresAt, priority) => {
        const notification = news({ sendAt, expiresAt, priority })
        let context: ChannelContext = { preferences, ...(hasRecent && { recent: all.recent }) }
        let now = at
        for (let holds = 0; ; holds++) {
          const step = stepOf(notification, context, now)
          if (step.kind !== 'hold') {
            const isOver = expiresAt !== null && expiresAt <= now
            const isWanted = preferences.categories.newsletter.email
            expect(step).toEqual(
              isOver
                ? { kind: 'end', status: 'expired' }
                : isWanted
                  ? { kind: 'send' }
                  : { kind: 'end', status: 'opted_out' },
            )
            return
          }
          expect(step.dueAt > now).toBe(true)
          expect(holds).toBeLessThan(4)
          context = {
            ...context,
            heldBecause: step.reason,
            wasGathered: context.wasGathered || step.reason === 'digest',
          }
          now = step.dueAt
        }
      },
    ),
    { numRuns: 100 },
  )
  expect(channels).toHaveLength(4)
})
