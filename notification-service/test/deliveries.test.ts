// One channel's part of a notification on its way outside: what is asked of a provider, and what becomes of its answer.
import { join } from 'node:path'
import type { Channel, Received } from '@orders/shared/contracts'
import { about, createReading, DEFAULT_PATIENCE } from '@orders/shared/messaging'
import { TransientError } from '@orders/shared/runtime'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, handleAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addToSuppressions, takeReport } from '../channels/addresses.ts'
import { AddressGoneError } from '../channels/sender.ts'
import { listSuppressions } from '../channels/store.ts'
import { type Outgoing, type Standing, withStanding } from '../deliveries/domain.ts'
import type { Notification } from '../domain.ts'
import { channelHandler } from '../handlers.ts'
import { notificationOf } from '../orders/domain.ts'
import { changePreferences } from '../rules/handlers.ts'
import { withoutMailOf } from '../rules/preferences.ts'
import { findTelling, tellings } from '../store.ts'
import { standingsIn } from './copies.ts'
import { set, style } from './templates.ts'
import { termsWith } from './terms.ts'

const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T09:00:00.000Z'
const terms = termsWith({ UNSUBSCRIBE_URL: 'https://shop.example', UNSUBSCRIBE_SECRET: 'a-secret-of-24-characters' })
let scratch: Awaited<ReturnType<typeof scratchFolder>>
let database: Database
let asked: Outgoing[]

beforeEach(async () => {
  asked = []
  scratch = await scratchFolder()
  database = openSqlite(join(scratch.path, 'notification.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
})
afterEach(async () => {
  await database.close()
  await scratch.remove()
})

const told = { user: 'gayal', priority: 'standard' as const, contact: { email: 'G@example.org', phone: '+94 11 234' } }
const paid = notificationOf({ type: 'order.paid', orderId: '1', told }, style, at)

/** Known from now on, and standing so by mail. */
async function know(more: Partial<Notification> = {}, standing: Partial<Standing> = {}): Promise<void> {
  const telling = { notification: { ...paid, ...more }, standings: {}, failures: [] }
  const after = Object.keys(standing).length > 0 ? withStanding(telling, 'email', standing) : telling
  await database.transaction((tx) => tellings.save(tx, [{ key: paid.id, before: undefined, after }]))
}

const request = (notificationId = paid.id): Received => ({
  id: '1/notification.requested/order.paid',
  source: '/notification-service',
  type: 'notification.requested',
  subject: '1',
  time: at,
  data: { notificationId, channels: ['email', 'sms'] },
})
const receipt = { provider: 'smtp', providerId: '<1@x>', durationMs: 5 }
const workerOf = (channel: Channel) =>
  channelHandler(
    channel,
    async (outgoing) => {
      asked.push(outgoing)
      return receipt
    },
    terms,
    DEFAULT_PATIENCE,
  )
const worker = workerOf('email')
const context = { now: later, attempt: 1, redelivered: false }
const ask = (handler = worker, event = request()) =>
  handler.ask?.(event, { ...context, read: createReading(database), signal: new AbortController().signal })
const decide = (answer: unknown, event = request()) => handleAlone(database, worker, event, { context, answer })
const giveUp = async (error: Error) =>
  (
    await decideAlone(database, {
      reads: (known) => (worker.readsToGiveUp ?? worker.reads)(request(), known),
      decide: (draft) => ({
        result: undefined,
        messages: worker.giveUp?.(request(), draft, context, { error, reason: error.message }) ?? [],
      }),
    })
  ).messages
const standing = async () => (await findTelling(database, paid.id))?.standings.email
const types = (messages: { type: string }[]) => messages.map(({ type }) => type)

describe('what is asked of a provider', () => {
  const outgoing = {
    notificationId: '1.order.paid',
    eventType: 'order.paid',
    orderId: '1',
    createdAt: at,
    heldUntil: null,
    call: null,
    headers: {},
  }

  it('is the channel’s part of the notification, with its words', async () => {
    await know()
    expect(await ask()).toEqual(receipt)
    await ask(workerOf('sms'))
    const content = set.render(paid.words)
    expect(asked).toMatchObject([
      { ...outgoing, channel: 'email', address: 'G@example.org' },
      { ...outgoing, channel: 'sms', address: '+94 11 234' },
    ])
    for (const one of asked) expect(one.content.text).toBe(content.text)
  })

  it('says until when it was held, and which call before it is open', async () => {
    const call = { provider: 'smtp', at, claimedBy: null }
    await know({}, { status: 'waiting', dueAt: later, heldBecause: 'quiet_hours', call })
    await ask()
    await ask(workerOf('sms'))
    expect(asked).toMatchObject([
      { channel: 'email', heldUntil: later, call },
      { channel: 'sms', heldUntil: null, call: null },
    ])
  })

  it('may be unsubscribed from, where it is not transactional', async () => {
    await know({ category: 'tips' })
    await ask()
    expect(asked[0]?.headers).toMatchObject({ 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' })
    expect(asked[0]?.content.text).toContain('https://shop.example/unsubscribe/')
  })

  it('is nothing of what nobody knows', async () => {
    await know()
    const unknown = { code: 'no_such_notification' }
    await expect(ask(worker, request('2.order.paid'))).rejects.toMatchObject(unknown)
    await expect(ask(workerOf('push'))).rejects.toMatchObject(unknown)
    expect(asked).toEqual([])
  })

  it.each(['sent', 'held', 'digested', 'expired', 'cancelled', 'opted_out'] as const)(
    'is nothing of what is %s, and then nothing is decided',
    async (status) => {
      await know({}, { status })
      expect(await ask()).toBe(undefined)
      expect(await decide(undefined)).toEqual([])
      expect([(await standing())?.status, asked]).toEqual([status, []])
    },
  )

  it.each(['waiting', 'failed'] as const)('is what is %s', async (status) => {
    await know({}, { status })
    expect(await ask()).toEqual(receipt)
  })

  it('is nothing when its time is over, nobody wants it any more, or the address takes nothing', async () => {
    await know({ category: 'tips', expiresAt: later })
    expect(await ask()).toBe('expired')
    await database.run('update notifications set expires_at = null')
    const suppression = {
      channel: 'email',
      address: 'g@EXAMPLE.org',
      reason: 'bounced',
      notificationId: null,
      at,
    } as const
    await decideAlone(database, addToSuppressions(suppression))
    expect(await ask()).toMatchObject({ address: 'g@example.org', reason: 'bounced' })
    await decideAlone(
      database,
      changePreferences('customer gayal', (all) => withoutMailOf(all, 'tips'), at),
    )
    expect(await ask()).toBe('opted_out')
    expect(asked).toEqual([])
  })
})

describe('what becomes of it', () => {
  it('sent: it is kept with its receipt, the call is closed, and it is said once', async () => {
    await know({}, { status: 'failed', attempts: 4, error: 'no', call: { provider: 'smtp', at, claimedBy: 'me' } })
    expect(types(await decide(receipt))).toEqual(['notification.sent'])
    const sent = { status: 'sent', attempts: 5, ...receipt, error: null, call: null, updatedAt: later }
    expect(await standing()).toMatchObject(sent)
    expect(await decide(receipt)).toEqual([])
    expect(await standing()).toMatchObject({ ...sent, attempts: 6 })
    expect(await database.all('select * from attempts')).toEqual([])
  })

  it('undelivered, and told so before the call has ended here: both are said, and it stays undelivered', async () => {
    await know({}, { status: 'waiting', attempts: 0, call: { provider: 'smtp', at, claimedBy: 'me' } })
    const about = { notificationId: paid.id, generation: 1, channel: 'email', providerId: 'x', at } as const
    const report = { ...about, status: 'bounced', error: 'dsn: failed 5.2.2' }
    const told = await decideAlone(database, takeReport({ report, isAddressGone: false, isComplaint: false }))
    expect(types(told.messages)).toEqual(['notification.undelivered'])
    expect(types(await decide(receipt))).toEqual(['notification.sent'])
    expect(await standing()).toMatchObject({ status: 'undelivered', ...receipt, attempts: 1, error: report.error })
    expect(await decide(receipt)).toEqual([])
  })

  it.each([
    ['expired', 'notification.expired'],
    ['opted_out', 'notification.opted_out'],
  ] as const)('%s: no call is counted, and it is said once', async (status, type) => {
    await know()
    expect(types(await decide(status))).toEqual([type])
    expect(await standing()).toMatchObject({ status, attempts: 0, updatedAt: later })
    expect(await decide(status)).toEqual([])
  })

  it('suppressed: it has failed, and it is said once', async () => {
    await know()
    const suppression = { channel: 'email', address: 'g@example.org', reason: 'bounced', notificationId: null, at }
    expect(types(await decide(suppression))).toEqual(['notification.failed'])
    expect(await standing()).toMatchObject({ status: 'failed', attempts: 0, error: 'suppressed: bounced' })
    expect(await decide(suppression)).toEqual([])
  })

  it('given up: it has failed, and it is said once', async () => {
    await know({}, { attempts: 4 })
    expect(types(await giveUp(new TransientError('away', 'nobody there')))).toEqual(['notification.failed'])
    expect(await standing()).toMatchObject({ status: 'failed', attempts: 4, error: 'nobody there' })
    expect(await giveUp(new TransientError('away', 'still nobody there'))).toEqual([])
    expect(await standing()).toMatchObject({ status: 'failed', error: 'still nobody there' })
    expect(await listSuppressions(database, { limit: 10 })).toEqual([])
  })

  it('given up, since the address is gone: that is told nothing more, for the first reason', async () => {
    await know()
    await giveUp(new AddressGoneError('gone', 'no such mailbox'))
    await giveUp(new AddressGoneError('gone', 'still no such mailbox'))
    const suppression = { channel: 'email', address: 'g@example.org', reason: 'no such mailbox' }
    expect(await listSuppressions(database, { limit: 10 })).toEqual([
      { ...suppression, notificationId: paid.id, at: later },
    ])
  })

  it('nothing, of what is not there', async () => {
    expect(await decide(receipt)).toEqual([])
    expect(await giveUp(new AddressGoneError('gone', 'no such mailbox'))).toEqual([])
    expect(await standingsIn(database, paid.id)).toEqual([])
  })

  it('sent, although it was called off meanwhile: what is said is said', async () => {
    await know()
    const called = about(tellings, paid.id, (telling) => ({
      ...(telling && { state: withStanding(telling, 'email', { status: 'cancelled' }) }),
      messages: [],
      result: undefined,
    }))
    await decideAlone(database, called)
    expect(types(await decide(receipt))).toEqual(['notification.sent'])
    expect(await standing()).toMatchObject({ status: 'sent' })
  })
})
