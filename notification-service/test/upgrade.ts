// Databases of older versions, brought up to date: the suite for every database.
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { topology } from '@orders/shared/contracts'
import { readConfig, startService } from '@orders/shared/runtime'
import { type Database, migrate, type Value } from '@orders/shared/storage'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { suppressionKey, suppressions } from '../channels/store.ts'
import { NotificationConfig } from '../config.ts'
import { plainWords } from '../content.ts'
import { customers, owners } from '../customers/store.ts'
import { dueAt } from '../holding/store.ts'
import { listTellings } from '../listing/store.ts'
import { addressKey, keyOfText } from '../rules/preferences.ts'
import { members, preferences } from '../rules/store.ts'
import { notificationService } from '../service.ts'
import { findTelling } from '../store.ts'
import { upgradeAddresses, upgradeMailboxes } from '../upgrade/addresses.ts'
import { upgradeCustomers } from '../upgrade/customers.ts'
import { upgradeEndpoints } from '../upgrade/endpoints.ts'
import type { Place } from './claims-suite.ts'
import { standingsIn } from './copies.ts'
import { style } from './templates.ts'

const FOLDER = join(import.meta.dirname, '..', 'migrations')
const AT = '2026-11-20T08:00:00.000Z'
const LATER = '2026-11-20T08:00:05.000Z'
const DUE = '2026-11-20T09:00:00.000Z'

/** Empty, and as the versions before this migration made it. */
async function migrateUntil(database: Database, before: string): Promise<void> {
  const scratch = await scratchFolder()
  onTestFinished(() => scratch.remove())
  const older = join(scratch.path, 'migrations')
  await mkdir(older)
  for (const name of await readdir(FOLDER)) if (name < before) await cp(join(FOLDER, name), join(older, name))
  await migrate(database, [older])
}

async function insertRows(database: Database, table: string, columns: string[], rows: Value[][]): Promise<void> {
  for (const row of rows)
    await database.run(
      `insert into ${table} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`,
      ...row,
    )
}

/** One notification, sent by mail, failed by SMS and waiting by push, as version 007 kept it. */
async function fillAs007(database: Database): Promise<void> {
  const words = {
    template: 'message',
    version: 'v1',
    locale: null,
    currency: 'EUR',
    data: { subject: 'Hi', paragraphs: [] },
  }
  const payload = { addresses: { email: 'Ann@example.org', sms: '+43 1', push: 'token' }, words }
  await database.run(
    `insert into notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at)
     values ('1.order.paid', '1', '1', 'order.paid', 'order', 4, 3, ?, ?)`,
    JSON.stringify(payload),
    AT,
  )
  await insertRows(
    database,
    'deliveries',
    ['notification_id', 'channel', 'status', 'attempts', 'error', 'updated_at'],
    [
      ['1.order.paid', 'email', 'sent', 1, null, AT],
      ['1.order.paid', 'sms', 'failed', 4, 'no', LATER],
    ],
  )
}

const SENT = ['smtp', '<sent@x>'] as const
const HELD = [DUE, 'digest', 'd1'] as const
const NONE = [null, null, null] as const

/** By their status: attempts, provider, provider's id, error, and until when, why and in which digest it is or was held. */
const DELIVERIES_OF_011: Record<string, readonly [number, ...Value[]]> = {
  held: [0, null, null, null, ...HELD],
  waiting: [1, null, null, '451 later', ...NONE],
  sent: [2, ...SENT, null, DUE, 'quiet_hours', null],
  failed: [4, null, null, 'gave up', ...NONE],
  expired: [0, null, null, null, ...NONE],
  cancelled: [0, null, null, null, DUE, 'send_at', null],
  opted_out: [0, null, null, null, ...NONE],
  digested: [0, null, null, null, ...HELD],
}
const STATUSES = Object.keys(DELIVERIES_OF_011)

/** A notification of each status, and one of which nothing is known but that its mail and its SMS are, or were, being sent. */
async function fillAs011(database: Database): Promise<void> {
  const payload = JSON.stringify({ words: plainWords('Hi', 'There.', {}, style) })
  await insertRows(
    database,
    'notifications',
    ['id', 'subject', 'event_type', 'category', 'priority', 'channels', 'payload', 'created_at', 'email', 'sms'],
    [
      ...STATUSES.map((status) => [status, status, 'direct', 'direct', 4, 1, payload, AT, 'ann@example.org', null]),
      ['called', 'called', 'direct', 'direct', 4, 2, payload, AT, 'ann@example.org', '+43 1'],
    ],
  )
  await insertRows(
    database,
    'deliveries',
    [
      ...['notification_id', 'channel', 'status', 'updated_at', 'attempts', 'provider', 'provider_id', 'error'],
      ...['due_at', 'held_because', 'digest_id'],
    ],
    Object.entries(DELIVERIES_OF_011).map(([status, rest]) => [status, 'email', status, LATER, ...rest]),
  )
  await insertRows(
    database,
    'attempts',
    ['notification_id', 'channel', 'attempt', 'at', 'provider', 'outcome', 'error', 'duration_ms', 'provider_id'],
    [
      ['waiting', 'email', 1, LATER, 'smtp', 'failed', '451 later', 7, null],
      ['sent', 'email', 1, AT, 'smtp', 'failed', '421 away', 8, null],
      ['sent', 'email', 2, LATER, 'smtp', 'sent', null, 9, '<sent@x>'],
    ],
  )
  await insertRows(
    database,
    'open_calls',
    ['notification_id', 'channel', 'provider', 'at', 'claimed_by'],
    [
      ['waiting', 'email', 'smtp', LATER, null],
      ['called', 'email', 'smtp', LATER, 'somebody'],
      ['called', 'sms', 'twilio', AT, null],
    ],
  )
}

export function upgradeSuite(name: string, openPlace: (folder: string) => Promise<Place>): void {
  async function olderThan(migration: string, fill: (database: Database) => Promise<void>) {
    const scratch = await scratchFolder()
    const place = await openPlace(scratch.path)
    const database = await place.open()
    onTestFinished(async () => {
      await database.close()
      await place.remove()
      await scratch.remove()
    })
    await migrateUntil(database, migration)
    await fill(database)
    return { ...place, database }
  }

  it(`a database of version 007 on ${name} keeps who is told and how it stands`, async () => {
    const { database } = await olderThan('008', fillAs007)
    await migrate(database, [FOLDER])
    const telling = await findTelling(database, '1.order.paid')
    expect(telling?.notification).toMatchObject({
      addresses: { email: 'Ann@example.org', sms: '+43 1', push: 'token' },
      words: { template: 'message' },
      sendAt: null,
    })
    const page = { orderId: '1', to: 'ann@example.org', after: undefined, limit: 10 }
    expect(await listTellings(database, { ...page, channel: 'push', status: 'waiting' })).toEqual([telling])
    expect(await listTellings(database, { ...page, channel: 'push', status: 'failed' })).toEqual([])
    expect(await listTellings(database, { ...page, channel: undefined, status: 'failed' })).toEqual([telling])
    const standings = await standingsIn(database, '1.order.paid')
    expect(standings.map(({ status }) => status)).toEqual(['sent', 'failed', 'waiting'])
  })

  it(`addresses that were kept as typed on ${name} get their one form once, and what was decided of them goes along`, async () => {
    const { database } = await olderThan('008', fillAs007)
    await migrate(database, [FOLDER])
    const suppressed = { reason: 'gone', notificationId: null, at: AT }
    await database.transaction(async (tx) => {
      const typed = { channel: 'sms', address: '+43 1 234567', ...suppressed } as const
      await suppressions.save(tx, [{ key: suppressionKey('sms', typed.address), before: undefined, after: typed }])
      const ann = { id: 'ann', addresses: { phone: '+43 1 234567' }, locale: null, timeZone: null, updatedAt: AT }
      await customers.save(tx, [{ key: 'ann', before: undefined, after: ann }])
      const after = { categories: { newsletter: { sms: false } } }
      await preferences.save(tx, [{ key: addressKey('sms', '+43 1'), before: undefined, after }])
    })
    for (const at of [AT, LATER]) await upgradeAddresses(database, undefined, at)
    expect((await findTelling(database, '1.order.paid'))?.notification.addresses.sms).toBe('+431')
    const keys = [suppressionKey('sms', '+431234567'), suppressionKey('sms', '+43 1 234567')]
    expect([...(await suppressions.load(database, keys)).keys()]).toEqual([keys[0]])
    expect((await customers.load(database, ['ann'])).get('ann')?.addresses).toEqual({ phone: '+431234567' })
    const recipients = [addressKey('sms', '+431'), addressKey('sms', '+43 1')]
    expect([...(await preferences.load(database, recipients))]).toEqual([
      [recipients[0], { categories: { newsletter: { sms: false } } }],
    ])
  })

  it(`webhooks and subscriptions that were kept as typed on ${name} get their one form once, and what was decided of them goes along`, async () => {
    const typed = {
      push: '{"keys":{"auth":"a","p256dh":"p"},"endpoint":"https://Push.test/1"}',
      webhook: 'https://b.test',
    }
    const canonical = {
      push: '{"endpoint":"https://push.test/1","keys":{"p256dh":"p","auth":"a"}}',
      webhook: 'https://b.test/',
    }
    const endpoint = 'https://push.test/1'
    const payload = JSON.stringify({ words: plainWords('Hi', 'There.', {}, style) })
    const { database } = await olderThan('022', async (older) => {
      await insertRows(
        older,
        'notifications',
        ['id', 'subject', 'event_type', 'category', 'priority', 'channels', 'payload', 'created_at', 'push', 'webhook'],
        [['1', '1', 'direct', 'direct', 4, 2, payload, AT, typed.push, typed.webhook]],
      )
      await insertRows(older, 'customers', ['id', 'addresses', 'updated_at'], [['ann', JSON.stringify(typed), AT]])
      for (const channel of ['push', 'webhook'] as const) {
        await insertRows(older, 'mailboxes', ['mailbox', 'customer_id'], [[`${channel} ${typed[channel]}`, 'ann']])
        const suppressed = [channel, typed[channel], 'gone', AT]
        await insertRows(older, 'suppressions', ['channel', 'address', 'reason', 'at'], [suppressed])
        const after = { categories: { newsletter: { [channel]: false } } }
        const key = keyOfText(`${channel} ${typed[channel]}`)
        await older.transaction((tx) => preferences.save(tx, [{ key, before: undefined, after }]))
      }
    })
    await migrate(database, [FOLDER])
    for (const at of [AT, LATER]) await upgradeEndpoints(database, at)
    expect((await findTelling(database, '1'))?.notification.addresses).toEqual(canonical)
    expect((await customers.load(database, ['ann'])).get('ann')?.addresses).toEqual(canonical)
    const mailboxes = [`push ${endpoint}`, `webhook ${canonical.webhook}`]
    expect([...(await owners.load(database, mailboxes)).keys()].sort()).toEqual(mailboxes)
    expect(await database.all('select channel, address from suppressions order by channel')).toEqual([
      { channel: 'push', address: endpoint },
      { channel: 'webhook', address: canonical.webhook },
    ])
    for (const channel of ['push', 'webhook'] as const) {
      const key = addressKey(channel, canonical[channel])
      const decided = (await preferences.load(database, [key])).get(key)
      expect(decided?.categories).toEqual({ newsletter: { [channel]: false } })
    }
  })

  it(`customers whom version 017 kept on ${name} are found by their addresses, once a copy has started`, async () => {
    const { database } = await olderThan('018', async (older) => {
      const rows = Array.from({ length: 3 }, (_, n) => [`c${n}`, '{"email":"Ann@b.test","phone":"+431"}', AT])
      await insertRows(older, 'customers', ['id', 'addresses', 'updated_at'], rows)
    })
    await migrate(database, [FOLDER])
    for (const at of [AT, LATER]) await upgradeMailboxes(database, at)
    const all = ['c0', 'c1', 'c2']
    expect(await owners.load(database, ['email ann@b.test', 'sms +431', 'push x'])).toEqual(
      new Map([
        ['email ann@b.test', all],
        ['sms +431', all],
      ]),
    )
  })

  it(`a customer whom an earlier version kept by several spellings on ${name} is one, once a copy has started`, async () => {
    const { database } = await olderThan('999', async (older) => {
      const rows = (all: [string, string, string][]) =>
        all.map(([id, email, at]) => [id, JSON.stringify({ email }), at])
      await older.transaction(async (tx) => {
        const told = rows([
          [' ann', 'newer@b.test', LATER],
          ['ann', 'older@b.test', AT],
          ['bob', 'newer@b.test', LATER],
          ['bob\u3000', 'older@b.test', AT],
          ['rene\u0301', 'rene@b.test', AT],
        ])
        const known = told.map(([id = '', addresses = '', updatedAt = '']) => {
          const after = { id, addresses: JSON.parse(addresses), locale: null, timeZone: null, updatedAt }
          return { key: id, before: undefined, after }
        })
        await customers.save(tx, known)
        const decided = (key: string, newsletter: object) => {
          return { key: `customer ${key}`, before: undefined, after: { categories: { newsletter } } }
        }
        await preferences.save(tx, [
          decided(' ann', { sms: false }),
          decided('ann', { email: false }),
          decided('cleo\u00a0', { sms: false }),
        ])
      })
      const columns = ['id', 'subject', 'event_type', 'category', 'priority', 'channels', 'payload', 'created_at']
      const told = ['rene\u0301', 'zoe ', ' '].map((user, n) => [
        `${n}`,
        `${n}`,
        'direct',
        'direct',
        4,
        1,
        '{}',
        AT,
        user,
      ])
      await insertRows(older, 'notifications', [...columns, 'customer_id'], told)
    })
    for (const at of [AT, LATER]) await upgradeCustomers(database, at)
    const known = await database.all('select id, addresses from customers order by id')
    expect(known).toEqual([
      { id: 'ann', addresses: '{"email":"newer@b.test"}' },
      { id: 'bob', addresses: '{"email":"newer@b.test"}' },
      { id: 'ren\u00e9', addresses: '{"email":"rene@b.test"}' },
    ])
    expect(await owners.load(database, ['email newer@b.test', 'email older@b.test', 'email rene@b.test'])).toEqual(
      new Map([
        ['email newer@b.test', ['ann', 'bob']],
        ['email rene@b.test', ['ren\u00e9']],
      ]),
    )
    expect(await database.all('select recipient, preferences from preferences order by recipient')).toEqual([
      { recipient: 'customer ann', preferences: '{"categories":{"newsletter":{"email":false,"sms":false}}}' },
      { recipient: 'customer cleo', preferences: '{"categories":{"newsletter":{"sms":false}}}' },
    ])
    const named = await database.all<{ user: string }>('select customer_id as "user" from notifications order by id')
    expect(named.map(({ user }) => user)).toEqual(['ren\u00e9', 'zoe', ' '])
  })

  it(`a database of version 011 on ${name} keeps every delivery, and which calls are open or being made`, async () => {
    const { database } = await olderThan('012', fillAs011)
    await migrate(database, [FOLDER])
    for (const [status, rest] of Object.entries(DELIVERIES_OF_011)) {
      const [attempts, provider, providerId, error, dueAt, heldBecause, digestId] = rest
      const call = status === 'waiting' ? { provider: 'smtp', at: LATER, claimedBy: null } : null
      const outcome = { status, attempts, provider, providerId, error, durationMs: null, updatedAt: LATER }
      expect((await findTelling(database, status))?.standings).toEqual({
        email: { ...outcome, dueAt, heldBecause, digestId, supersededBy: null, generation: 1, turnMs: null, call },
      })
    }
    expect((await findTelling(database, 'called'))?.standings).toMatchObject({
      email: { status: 'waiting', attempts: 0, call: { provider: 'smtp', at: LATER, claimedBy: 'somebody' } },
      sms: { status: 'waiting', attempts: 0, call: { provider: 'twilio', at: AT, claimedBy: null } },
    })
    expect(await dueAt(database, DUE, 10)).toEqual(['held'])
    expect(await members.load(database, ['d1'])).toEqual(new Map([['d1', ['held']]]))
    await expect(database.all('select * from open_calls')).rejects.toThrow(/open_calls/)
  })

  it(`a service that starts on a database of version 011 on ${name} shows each attempt once, the one that went well too`, async () => {
    const { database, environment } = await olderThan('012', fillAs011)
    const config = { ...readConfig(NotificationConfig, environment), portBase: 0 }
    const broker = createMemoryBroker(topology)
    const service = await startService(notificationService, config, {
      log: (await keepingLog('notification-service')).log,
      now: () => new Date(AT),
      openBroker: (connection) => broker.connect(connection),
      broken: (error) => {
        throw error
      },
    })
    onTestFinished(async () => void (await service.close()))
    const shown = async (id: string) => {
      const { deliveries, attempts } = (await (await fetch(`${service.url}/notifications/${id}`)).json()) as Shown
      return { deliveries, attempts }
    }
    const attempt = { channel: 'email', provider: 'smtp', providerId: null, error: null }
    expect(await shown('sent')).toMatchObject({
      deliveries: [{ channel: 'email', status: 'sent', attempts: 2, provider: 'smtp', providerId: '<sent@x>' }],
      attempts: [
        { ...attempt, attempt: 1, at: AT, outcome: 'failed', error: '421 away', durationMs: 8 },
        { ...attempt, attempt: 2, at: LATER, outcome: 'sent', providerId: '<sent@x>', durationMs: 9 },
      ],
    })
    expect((await shown('waiting')).attempts).toEqual([
      { ...attempt, attempt: 1, at: LATER, outcome: 'failed', error: '451 later', durationMs: 7 },
    ])
    for (const status of STATUSES.filter((one) => !['sent', 'waiting'].includes(one)))
      expect(await shown(status)).toMatchObject({ deliveries: [{ status }], attempts: [] })
    // Afterwards nothing of the upgrade is left to do.
    expect(await migrate(database, [FOLDER])).toEqual([])
  })
}

interface Shown {
  deliveries: object[]
  attempts: object[]
}
