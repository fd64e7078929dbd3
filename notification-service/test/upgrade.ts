// Databases of older versions, brought up to date: the suite for every database.
import { cp, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { topology } from '@orders/shared/contracts'
import { readConfig, startService } from '@orders/shared/runtime'
import { type Database, migrate, type Value } from '@orders/shared/storage'
import { createMemoryBroker, keepingLog, scratchFolder } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { NotificationConfig } from '../config.ts'
import { plainWords } from '../content.ts'
import { dueAt } from '../holding/store.ts'
import { members } from '../rules/store.ts'
import { notificationService } from '../service.ts'
import { findTelling, listTellings } from '../store.ts'
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

  it(`a database of version 011 on ${name} keeps every delivery, and which calls are open or being made`, async () => {
    const { database } = await olderThan('012', fillAs011)
    await migrate(database, [FOLDER])
    for (const [status, rest] of Object.entries(DELIVERIES_OF_011)) {
      const [attempts, provider, providerId, error, dueAt, heldBecause, digestId] = rest
      const call = status === 'waiting' ? { provider: 'smtp', at: LATER, claimedBy: null } : null
      const outcome = { status, attempts, provider, providerId, error, durationMs: null, updatedAt: LATER }
      expect((await findTelling(database, status))?.standings).toEqual({
        email: { ...outcome, dueAt, heldBecause, digestId, generation: 1, turnMs: null, call },
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
