// What is said later: when each channel is said, decided by rules, and released once by however many copies.
import { channels } from '@orders/shared/contracts'
import type { Database } from '@orders/shared/storage'
import { eventually, type LogLine } from '@orders/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelsOf, type Notification } from '../domain.ts'
import { notificationOf } from '../orders/domain.ts'
import { plan } from '../rules/plan.ts'
import { type Copy, openCopies, standingsIn } from './copies.ts'
import { style } from './templates.ts'
import { terms } from './terms.ts'

const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T09:00:00.000Z'
const latest = '2026-11-21T10:00:00.000Z'

function paid(orderId: string, times: Partial<Notification> = {}): Notification {
  const contact = { email: 'g@example.org', phone: '+94 11 234' }
  const told = { user: 'gayal', priority: 'standard' as const, contact }
  return { ...notificationOf({ type: 'order.paid', orderId, told }, style, at), ...times }
}

describe('the plan', () => {
  const stepsAt = (now: string, times: Partial<Notification>) =>
    plan(paid('1', times), ['email', 'sms'], { now, settings: terms.settings, channels: {} }).map(({ step }) => step)

  it('says at once what has no time', () => {
    expect(stepsAt(at, {})).toEqual([{ kind: 'send' }, { kind: 'send' }])
  })

  it('holds until the time to send, which is the time itself', () => {
    const held = { kind: 'hold', dueAt: later, reason: 'send_at' }
    expect(stepsAt(at, { sendAt: later })).toEqual([held, held])
    expect(stepsAt(later, { sendAt: later })).toEqual([{ kind: 'send' }, { kind: 'send' }])
  })

  it('ends what is over, also before its time to send, and holds nothing for longer than it may be said', () => {
    const over = { kind: 'end', status: 'expired' }
    expect(stepsAt(later, { expiresAt: later })).toEqual([over, over])
    expect(stepsAt(later, { expiresAt: later, sendAt: latest })).toEqual([over, over])
    expect(stepsAt(at, { expiresAt: later, sendAt: latest })[0]).toMatchObject({ kind: 'hold', dueAt: later })
  })

  it('comes to an end for any times: each hold ends later than now, and after the last one it is sent or over', () => {
    const instant = fc
      .date({ min: new Date(at), max: new Date(latest), noInvalidDate: true })
      .map((date) => date.toISOString())
    const maybe = fc.option(instant, { nil: null })
    fc.assert(
      fc.property(
        instant,
        maybe,
        maybe,
        fc.subarray([...channels], { minLength: 1 }),
        (start, sendAt, expiresAt, some) => {
          const notification = paid('1', { sendAt, expiresAt })
          let now = start
          for (let holds = 0; ; holds++) {
            const planned = plan(notification, some, { now, settings: terms.settings, channels: {} })
            expect(planned.map(({ channel }) => channel)).toEqual(some)
            const step = planned[0]?.step
            if (step?.kind !== 'hold') {
              const isOver = expiresAt !== null && expiresAt <= now
              expect(step).toEqual(isOver ? { kind: 'end', status: 'expired' } : { kind: 'send' })
              if (step?.kind === 'send') expect(sendAt === null || sendAt <= now).toBe(true)
              return
            }
            expect(holds).toBe(0)
            expect(step.dueAt > now).toBe(true)
            now = step.dueAt
          }
        },
      ),
      { numRuns: 100 },
    )
  })
})

const copies = (count: number) => openCopies(count, { at })

const takeInBy = (copy: Copy, notification: Notification, now = at) => copy.takeIn(notification, now)
const standing = async (database: Database, notification: Notification) =>
  (await standingsIn(database, notification.id)).map(({ channel, status, dueAt }) => [channel, status, dueAt])

describe('what is held', () => {
  it('is asked for when it is due, once, by however many copies', async () => {
    const { first, opened, clock, said } = await copies(2)
    const orders = Array.from({ length: 150 }, (_, index) => paid(`o${index}`, { sendAt: later }))
    await Promise.all(orders.map((one) => takeInBy(first, one)))
    expect(said()).toEqual([])
    expect(await standing(first.database, paid('o7'))).toEqual([
      ['email', 'held', later],
      ['sms', 'held', later],
    ])
    clock.now = later
    for (const copy of opened) copy.release()
    await eventually('every notification is asked for', () => said().length >= orders.length || undefined)
    expect(said().sort()).toEqual(orders.map(({ subject }) => `${subject}/notification.requested/order.paid`).sort())
    expect(await standing(first.database, paid('o7'))).toEqual([
      ['email', 'waiting', later],
      ['sms', 'waiting', later],
    ])
  })

  it('is released in parts that are known by their channels, when its channels are due at different times', async () => {
    const { first, clock, said } = await copies(1)
    await takeInBy(first, paid('1', { sendAt: later }))
    await first.database.run(`update deliveries set due_at = ? where channel = 'sms'`, latest)
    await first.database.run(`update notifications set send_at = null`)
    first.release()
    clock.now = later
    await eventually('the mail is asked for', () => said().length === 1 || undefined)
    clock.now = latest
    await eventually('the SMS is asked for', () => said().length === 2 || undefined)
    expect(said()).toEqual(['1/notification.requested/order.paid.email', '1/notification.requested/order.paid.sms'])
  })

  it('expires when its time is over, and says so, whether it was held or comes too late', async () => {
    const { first, clock, said } = await copies(1)
    await takeInBy(first, paid('1', { sendAt: latest, expiresAt: later }))
    await takeInBy(first, paid('2', { expiresAt: at }))
    expect(await standing(first.database, paid('2'))).toEqual([
      ['email', 'expired', null],
      ['sms', 'expired', null],
    ])
    first.release()
    clock.now = later
    await eventually('both are said to be over', () => said().length === 4 || undefined)
    expect(said().sort()).toEqual([
      '1/notification.expired/order.paid.email',
      '1/notification.expired/order.paid.sms',
      '2/notification.expired/order.paid.email',
      '2/notification.expired/order.paid.sms',
    ])
  })

  it('waits for itself only when it cannot be released: it is put off, said in the log, and tried again', async () => {
    const { first, clock, said } = await copies(1)
    await takeInBy(first, paid('1', { sendAt: at, customerId: 'odd' }), '2026-11-21T08:00:00.000Z')
    await takeInBy(first, paid('2', { sendAt: later }))
    await first.database.run(`insert into preferences values ('customer odd', 'broken', ?)`, at)
    clock.now = later
    first.release()
    await eventually('the other is asked for', () => said().length === 1 || undefined)
    const told = (lines: LogLine[]) => lines.filter(({ msg }) => msg.startsWith('cannot release held notifications'))
    expect(told(first.lines)).toMatchObject([{ notificationId: '1.order.paid' }])
    await eventually('it is put off', async () => {
      const dueAts = (await standing(first.database, paid('1'))).map(([, , dueAt]) => dueAt)
      return dueAts.every((dueAt) => dueAt === '2026-11-21T09:01:00.000Z')
    })
    await first.database.run(`update preferences set preferences = '{"categories":{}}'`)
    clock.now = latest
    await eventually('it is asked for too', () => said().length === 2 || undefined)
    expect(said()).toEqual(['2/notification.requested/order.paid', '1/notification.requested/order.paid'])
  })

  it('is asked for by the next start, when the service was killed between its release and the publication', async () => {
    const { first, opened, clock, said } = await copies(2)
    const [, other] = opened
    await takeInBy(first, paid('1', { sendAt: later }))
    // A copy that commits and then publishes nothing: it died in between.
    first.diesAfterCommit()
    clock.now = later
    const releasing = first.release()
    await eventually('it is released', async () => {
      const [mail] = await standing(first.database, paid('1'))
      return mail?.[1] === 'waiting' || undefined
    })
    await releasing.close()
    expect(said()).toEqual([])
    await other?.outbox.sweep()
    await eventually('it is asked for', () => said().length === 1 || undefined)
    expect(said()).toEqual(['1/notification.requested/order.paid'])
    expect(channelsOf(paid('1'))).toEqual(['email', 'sms'])
  })
})
