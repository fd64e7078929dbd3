// Series of messages about an order: each step at its time, once, and none after what makes it needless.
import { OrderCancelled, OrderCompleted, OrderPaid, PaymentConfirmationRequired } from '@orders/shared/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headingOf } from '../../orders/domain.ts'
import { sequencesOf, stepsAfter } from '../../orders/sequences.ts'
import type { Told } from '../../orders/words.ts'
import { openServices } from '../running.ts'
import { set, style } from '../templates.ts'

const at = '2026-11-21T08:30:00.000Z'
const MINUTE_MS = 60_000
const inMinutes = (minutes: number) => new Date(Date.parse(at) + minutes * MINUTE_MS).toISOString()
const env = { REMINDERS_AFTER_MS: `${10 * MINUTE_MS},${20 * MINUTE_MS}`, FOLLOW_UPS_AFTER_MS: `${60 * MINUTE_MS}` }
const customer = {
  user: 'gayal',
  priority: 'standard' as const,
  contact: { email: 'g@example.org', phone: '+94 11 234' },
}
const awaited = (orderId: string) =>
  PaymentConfirmationRequired.of(orderId, at, { ...customer, totalCents: 107_450, confirmBefore: inMinutes(30) })
const steps = (said: string[]) => said.filter((id) => /\/(reminder|follow_up)\.\d/.test(id)).sort()

describe('the steps of a sequence', () => {
  const question = (told: Told) => headingOf({ type: 'payment.confirmation_required', orderId: '7', told }, style, at)
  const told = { ...customer, totalCents: 1, confirmBefore: inMinutes(30) }

  it('are notifications of their own, each with its time and its words', () => {
    const [reminder] = sequencesOf({ remindersAfterMs: '60000,120000' })
    const found = reminder ? stepsAfter(reminder, question(told), told, style) : []
    expect(found).toMatchObject([
      {
        id: '7.reminder.1',
        eventType: 'reminder.1',
        category: 'reminder',
        sendAt: inMinutes(1),
        expiresAt: inMinutes(30),
      },
      {
        id: '7.reminder.2',
        eventType: 'reminder.2',
        category: 'reminder',
        sendAt: inMinutes(2),
        expiresAt: inMinutes(30),
      },
    ])
    expect(found.map(({ words }) => set.subject(words))).toEqual(
      Array(2).fill('Your order 7 is waiting for your confirmation'),
    )
  })

  it('are none where none is wanted', () => {
    expect(sequencesOf({ remindersAfterMs: '0' }).flatMap((sequence) => sequence.steps)).toEqual([])
  })

  it('have no deadline where what is said of it is no date', () => {
    const [reminder] = sequencesOf({ remindersAfterMs: '60000' })
    const odd = { ...told, confirmBefore: '2026-99-99T00:00:00Z' }
    expect(reminder && stepsAfter(reminder, question(odd), odd, style)).toMatchObject([
      { sendAt: inMinutes(1), expiresAt: null },
    ])
  })

  it('come, for any delays, before the deadline that they remind of, and each id once', () => {
    const delays = fc.array(fc.integer({ min: 1, max: 60 * MINUTE_MS }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(delays, (afterMs) => {
        const [reminder] = sequencesOf({ remindersAfterMs: afterMs.join() })
        const found = reminder ? stepsAfter(reminder, question(told), told, style) : []
        expect(found).toHaveLength(afterMs.filter((ms) => ms < 30 * MINUTE_MS).length)
        expect(new Set(found.map(({ id }) => id)).size).toBe(found.length)
        for (const { sendAt, expiresAt } of found)
          expect([at, sendAt, expiresAt]).toEqual([at, sendAt, expiresAt].sort())
      }),
      { numRuns: 50 },
    )
  })
})

describe('a customer', () => {
  it('is reminded at each time once, by two copies that heard the news twice', async () => {
    const { say, hear, said, clock } = await openServices({ copies: 2, env })
    await say(awaited('1'))
    await say(awaited('1'))
    for (const channel of ['email', 'sms']) await hear(`1/notification.sent/payment.confirmation_required.${channel}`)
    expect(steps(said())).toEqual([])
    clock.now = inMinutes(10)
    for (const channel of ['email', 'sms']) await hear(`1/notification.sent/reminder.1.${channel}`)
    clock.now = inMinutes(20)
    for (const channel of ['email', 'sms']) await hear(`1/notification.sent/reminder.2.${channel}`)
    const each = ['requested/reminder.1', 'requested/reminder.2', 'sent/reminder.1.email', 'sent/reminder.1.sms']
    const all = [...each, 'sent/reminder.2.email', 'sent/reminder.2.sms']
    expect(steps(said())).toEqual(all.map((id) => `1/notification.${id}`))
  })

  it('is not reminded of what is paid or cancelled, heard before or after the question', async () => {
    const { say, hear, said, get, clock } = await openServices({ env })
    await say(awaited('1'))
    await hear('1/notification.sent/payment.confirmation_required.email')
    await say(OrderPaid.of('1', at, customer))
    await hear('1/notification.superseded/reminder.2.sms')
    await say(OrderCancelled.of('2', at, { ...customer, reason: 'declined' }))
    await hear('2/notification.sent/order.cancelled.email')
    await say(awaited('2'))
    await hear('2/notification.superseded/payment.confirmation_required.email')
    clock.now = inMinutes(25)
    // Whatever were due would be asked for before this.
    await say(awaited('3'))
    await hear('3/notification.sent/payment.confirmation_required.email')
    const numbers = ['reminder.1.email', 'reminder.1.sms', 'reminder.2.email', 'reminder.2.sms']
    expect(steps(said())).toEqual(numbers.map((id) => `1/notification.superseded/${id}`))
    expect((await get('/notifications/1.reminder.1')).body).toMatchObject({ status: 'superseded', attempts: [] })
    expect((await get('/notifications/2.reminder.1')).status).toBe(404)
  })

  it('is reminded when the clock of whoever asks is ahead of ours', async () => {
    const { say, hear, clock } = await openServices({ env })
    const question = { ...customer, totalCents: 107_450, confirmBefore: inMinutes(30) }
    await say(PaymentConfirmationRequired.of('1', inMinutes(25), question))
    await hear('1/notification.sent/payment.confirmation_required.email')
    clock.now = inMinutes(10)
    await hear('1/notification.sent/reminder.1.email')
  })

  it('is asked some time after the delivery whether everything is well', async () => {
    const { say, hear, said, get, clock } = await openServices({ env })
    await say(OrderCompleted.of('1', at, { ...customer, contact: { email: 'g@example.org', locale: 'de' } }))
    await hear('1/notification.sent/order.completed.email')
    expect((await get('/notifications/1.follow_up.1')).body).toMatchObject({ status: 'held', sendAt: inMinutes(60) })
    clock.now = inMinutes(60)
    await hear('1/notification.sent/follow_up.1.email')
    expect(steps(said())).toEqual(['1/notification.requested/follow_up.1', '1/notification.sent/follow_up.1.email'])
    expect((await get('/notifications/1.follow_up.1')).body.subject).toBe('Wie gefällt Ihnen Ihre Bestellung 1?')
  })

  it('is reminded after a stop of the service too, and not of what the stop has made needless', async () => {
    const { say, hear, said, running, start, clock } = await openServices({ env })
    await say(awaited('1'))
    await hear('1/notification.sent/payment.confirmation_required.sms')
    for (const { stop } of running) await stop()
    clock.now = inMinutes(31)
    await start()
    await hear('1/notification.expired/reminder.2.sms')
    const numbers = ['reminder.1.email', 'reminder.1.sms', 'reminder.2.email', 'reminder.2.sms']
    expect(steps(said())).toEqual(numbers.map((id) => `1/notification.expired/${id}`))
  })
})
