// What the database keeps: notifications never change, attempts are only added, and a delivery follows from both.
import { join } from 'node:path'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { attemptsOf, deliveriesOf, outgoingOf, saveAttempt, saveChange } from '../deliveries/store.ts'
import { type Notification, notificationOf } from '../domain.ts'
import { saveHold, saveReleased } from '../holding/store.ts'
import { saveTemplates, templatesOf } from '../rendering/store.ts'
import { findNotification, listNotifications, saveNotification } from '../store.ts'
import { upgraded } from './upgrade.ts'

const style = { version: 'v1', currency: 'EUR', defaultEmailDomain: 'x' }
const at = '2026-11-21T08:30:00.000Z'
const later = '2026-11-21T08:30:05.000Z'
let scratch: Awaited<ReturnType<typeof scratchFolder>>
let database: Database

beforeEach(async () => {
  scratch = await scratchFolder()
  database = openSqlite(join(scratch.path, 'notification.db'))
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
})
afterEach(async () => {
  await database.close()
  await scratch.remove()
})

function paid(orderId: string, user = 'gayal'): Notification {
  const told = { user, priority: 'standard' as const, contact: { email: 'g@example.org', phone: '+94 11 234' } }
  return notificationOf({ type: 'order.paid', orderId, told }, style, at)
}

const attempt = (error: string | null) => ({
  notificationId: '1.order.paid',
  channel: 'email' as const,
  attempt: 1,
  at: later,
  provider: 'smtp',
  providerId: error === null ? '<1@x>' : null,
  error,
  durationMs: 7,
})
const sent = { status: 'sent', provider: 'smtp', providerId: '<1@x>' } as const
const standing = async () =>
  (await deliveriesOf(database, paid('1'))).map(({ channel, status, attempts, error }) => [
    channel,
    status,
    attempts,
    error,
  ])
const anyPage = {
  orderId: undefined,
  to: undefined,
  channel: undefined,
  status: undefined,
  after: undefined,
  limit: 10,
}
const listed = async (status: 'waiting' | 'sent' | 'failed') =>
  (await listNotifications(database, { ...anyPage, status })).map(({ id }) => id)

it('keeps a notification as it was first requested', async () => {
  expect(await database.transaction((tx) => saveNotification(tx, paid('1')))).toBe(true)
  expect(await database.transaction((tx) => saveNotification(tx, paid('1', 'somebody else')))).toBe(false)
  expect(await findNotification(database, '1.order.paid')).toEqual(paid('1'))
  expect(await outgoingOf(database, '1.order.paid', 'email')).toEqual({
    notificationId: '1.order.paid',
    eventType: 'order.paid',
    orderId: '1',
    channel: 'email',
    address: 'g@example.org',
    words: paid('1').words,
    createdAt: at,
    heldUntil: null,
    status: 'waiting',
    category: 'order',
    customerId: 'gayal',
    expiresAt: null,
  })
  expect(await outgoingOf(database, '1.order.paid', 'push')).toBe(undefined)
  expect(await outgoingOf(database, '2.order.paid', 'email')).toBe(undefined)
})

it('knows until when a channel was held that is to go now', async () => {
  await database.transaction(async (tx) => {
    await saveNotification(tx, paid('1'))
    await saveHold(tx, '1.order.paid', { channel: 'email', dueAt: later, reason: 'quiet_hours' }, at)
    await saveReleased(tx, '1.order.paid', 'email', later)
  })
  expect(await outgoingOf(database, '1.order.paid', 'email')).toMatchObject({ createdAt: at, heldUntil: later })
  expect(await outgoingOf(database, '1.order.paid', 'sms')).toMatchObject({ createdAt: at, heldUntil: null })
})

it('knows where each channel stands, from before the first attempt to after the last', async () => {
  await database.transaction((tx) => saveNotification(tx, paid('1')))
  expect(await standing()).toEqual([
    ['email', 'waiting', 0, null],
    ['sms', 'waiting', 0, null],
  ])
  await database.transaction((tx) => saveAttempt(tx, attempt('451 later')))
  expect(await standing()).toContainEqual(['email', 'waiting', 1, '451 later'])
  expect([await listed('waiting'), await listed('failed'), await listed('sent')]).toEqual([['1.order.paid'], [], []])
  await database.transaction((tx) => saveChange(tx, attempt(null), { status: 'failed', error: 'gave up' }, later))
  expect(await standing()).toContainEqual(['email', 'failed', 1, 'gave up'])
  expect(await listed('failed')).toEqual(['1.order.paid'])
  await database.transaction((tx) => saveAttempt(tx, attempt('451 still later')))
  expect(await standing()).toContainEqual(['email', 'failed', 2, '451 still later'])
  await database.transaction((tx) => saveAttempt(tx, attempt(null), sent))
  expect(await standing()).toContainEqual(['email', 'sent', 3, null])
  expect([await listed('waiting'), await listed('failed'), await listed('sent')]).toEqual([
    ['1.order.paid'],
    [],
    ['1.order.paid'],
  ])
  await database.transaction((tx) => saveAttempt(tx, { ...attempt(null), channel: 'sms' }, sent))
  expect(await listed('waiting')).toEqual([])
  expect(
    (await attemptsOf(database, '1.order.paid')).map(({ channel, outcome, error }) => [channel, outcome, error]),
  ).toEqual([
    ['email', 'failed', '451 later'],
    ['email', 'failed', '451 still later'],
    ['email', 'sent', null],
    ['sms', 'sent', null],
  ])
})

it.each(['update attempts set error = null', 'delete from attempts'])('refuses: %s', async (statement) => {
  await database.transaction((tx) => saveAttempt(tx, attempt('451 later')))
  await expect(database.run(statement)).rejects.toThrow('attempts are append-only')
})

it('keeps template files under their version, as they first were', async () => {
  await saveTemplates(database, 'v1', { 'theme.json': '{}' }, at)
  await saveTemplates(database, 'v1', { 'theme.json': '{"other": ""}' }, later)
  expect(await templatesOf(database, 'v1')).toEqual({ 'theme.json': '{}' })
  expect(await templatesOf(database, 'v2')).toBe(undefined)
})

it('keeps what an older version has written: who is told, how it stands, and that it is found', async () => {
  const older = openSqlite(join(scratch.path, 'older.db'))
  await upgraded(older)
  const notification = await findNotification(older, '1.order.paid')
  expect(notification).toMatchObject({
    addresses: { email: 'Ann@example.org', sms: '+43 1', push: 'token' },
    words: { template: 'message' },
    sendAt: null,
  })
  const found = await listNotifications(older, { ...anyPage, to: 'ann@example.org', status: 'failed' })
  expect(found).toEqual([notification])
  expect((notification ? await deliveriesOf(older, notification) : []).map(({ status }) => status)).toEqual([
    'sent',
    'failed',
    'waiting',
  ])
  await older.close()
})
