// What the database keeps: notifications never change, failed attempts are only added, and a delivery tells of its success.
import { join } from 'node:path'
import { about, type State, type Work } from '@orders/shared/messaging'
import { type Database, migrate, openDatabase, openSqlite, type Reader } from '@orders/shared/storage'
import { decideAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { reports, suppressionKey, suppressions, urgentAndUnsent } from '../channels/store.ts'
import { customers } from '../customers/store.ts'
import { type Attempt, changed, failed, sent, type Telling, withStanding } from '../deliveries/domain.ts'
import { attemptsOf } from '../deliveries/store.ts'
import type { Notification } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import { keyedRequests } from '../intake/store.ts'
import { jobRuns } from '../jobs/store.ts'
import { listTellings } from '../listing/store.ts'
import { notificationOf } from '../orders/domain.ts'
import { saveTemplates, templateFiles } from '../rendering/store.ts'
import { members, preferences, throttles, windowKey, windows } from '../rules/store.ts'
import { findTelling, tellings } from '../store.ts'
import { timelines } from '../timelines/store.ts'
import { standingsIn } from './copies.ts'
import { terms } from './terms.ts'
import { upgradeSuite } from './upgrade.ts'

const style = { version: 'v1', currency: 'EUR', timeZone: 'UTC', defaultEmailDomain: 'x' }
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

const takingIn = (notification: Notification): Work<void> => ({
  reads: (known) => readsOfTakingIn(notification, terms, known),
  decide: (draft) => ({ result: undefined, messages: takeIn(draft, notification, at, terms) }),
})
const takeInPaid = (...given: Parameters<typeof paid>) => decideAlone(database, takingIn(paid(...given)))

/** In a transaction of its own, as a group of one does. */
async function change(decide: (telling: Telling) => Telling): Promise<void> {
  const work = about(tellings, '1.order.paid', (telling) => {
    if (!telling) throw new Error('it is not there')
    return { state: decide(telling), messages: [], result: undefined }
  })
  await decideAlone(database, work)
}

const attempt = (error: string): Attempt => ({
  notificationId: '1.order.paid',
  channel: 'email',
  attempt: 1,
  at: later,
  provider: 'smtp',
  error,
  durationMs: 7,
})
const failing = (error: string) => change((telling) => failed(telling, attempt(error), 'nobody', undefined))
const receipt = { provider: 'smtp', providerId: '<1@x>', durationMs: 9 }
const sending = (channel: 'email' | 'sms') => change((telling) => sent(telling, channel, receipt, later))
const standing = async () =>
  (await standingsIn(database, '1.order.paid')).map(({ channel, status, attempts, error }) => [
    channel,
    status,
    attempts,
    error,
  ])
const shown = async () => {
  const telling = await findTelling(database, '1.order.paid')
  return telling ? attemptsOf(database, telling) : []
}
const anyPage = {
  orderId: undefined,
  to: undefined,
  channel: undefined,
  status: undefined,
  after: undefined,
  limit: 10,
}
const listed = async (status: 'waiting' | 'sent' | 'failed') =>
  (await listTellings(database, { ...anyPage, status })).map(({ notification }) => notification.id)

it('knows of each channel the urgent ones that it has not sent, however many another one keeps waiting', async () => {
  const urgent = (orderId: string, addresses: Notification['addresses']) => ({
    ...paid(orderId),
    priority: 9,
    addresses,
  })
  for (const orderId of ['1', '2', '3'])
    await decideAlone(database, takingIn(urgent(orderId, { email: 'g@example.org' })))
  await decideAlone(database, takingIn(urgent('4', { sms: '+94 11 234' })))
  expect(await urgentAndUnsent(database, 'email', at, 2)).toEqual(['1.order.paid', '2.order.paid'])
  expect(await urgentAndUnsent(database, 'sms', at, 2)).toEqual(['4.order.paid'])
  await sending('email')
  expect(await urgentAndUnsent(database, 'email', at, 2)).toEqual(['2.order.paid', '3.order.paid'])
})

it('keeps a notification as it was first requested', async () => {
  expect((await takeInPaid('1')).messages).toHaveLength(1)
  expect((await takeInPaid('1', 'somebody else')).messages).toEqual([])
  expect(await findTelling(database, '1.order.paid')).toEqual({
    notification: paid('1'),
    standings: {},
    failures: [],
  })
  expect(await findTelling(database, '2.order.paid')).toBe(undefined)
})

it('saves only what was changed, however many there are, and knows of each order what it was told, in its order', async () => {
  const orders = Array.from({ length: 70 }, (_, index) => `o${index}`)
  const created = (orderId: string) => ({
    ...paid(orderId),
    id: `${orderId}.order.created`,
    eventType: 'order.created',
  })
  const keys = orders.flatMap((orderId) => [`${orderId}.order.paid`, `${orderId}.order.created`])
  await database.transaction((tx) =>
    tellings.save(
      tx,
      orders.flatMap((orderId) =>
        [paid(orderId), created(orderId)].map((notification) => ({
          key: notification.id,
          before: undefined,
          after: withStanding({ notification, standings: {}, failures: [] }, 'sms', { attempts: 3 }),
        })),
      ),
    ),
  )
  const before = await tellings.load(database, keys)
  expect([...before.keys()].sort()).toEqual([...keys].sort())
  const changes = orders.flatMap((orderId) => {
    const key = `${orderId}.order.paid`
    const telling = before.get(key)
    return telling ? [{ key, before: telling, after: sent(telling, 'email', receipt, later) }] : []
  })
  const { statements } = database.spent
  await database.transaction((tx) => tellings.save(tx, changes))
  // Begin, commit, and seventy rows in three parts: 64, 4 and 2.
  expect(database.spent.statements - statements).toBe(5)
  const after = await tellings.load(database, keys)
  for (const orderId of orders) {
    const untouched = { sms: { status: 'waiting', attempts: 3 } }
    const { standings: changed } = after.get(`${orderId}.order.paid`) ?? {}
    expect(changed).toMatchObject({ email: { status: 'sent', attempts: 1 }, ...untouched })
    const { standings: others } = after.get(`${orderId}.order.created`) ?? {}
    expect([others, others?.email]).toMatchObject([untouched, undefined])
  }
  const untried = { status: 'waiting', attempts: 0, dueAt: null, claimedBy: null }
  const known = await timelines.load(database, ['o7', 'nobody'])
  expect([...known.keys()]).toEqual(['o7'])
  expect(known.get('o7')).toMatchObject([
    { id: 'o7.order.paid', eventType: 'order.paid', ways: { email: { status: 'sent', attempts: 1 } } },
    { id: 'o7.order.created', eventType: 'order.created', ways: { email: untried, sms: { attempts: 3 } } },
  ])
})

const window = windowKey({ recipient: 'r', channel: 'email', address: 'a', category: 'c' })
const loads: [State<unknown>, string][] = [
  [tellings, '1.order.paid'],
  [timelines, '1'],
  [suppressions, suppressionKey('email', 'a')],
  [reports, '1.order.paid email delivered'],
  [preferences, 'r'],
  [throttles, 'r'],
  [windows, window],
  [members, 'd'],
  [customers, 'ann'],
  [keyedRequests, 'k'],
  [jobRuns, 'summary'],
  [templateFiles, 'v1'],
]

it.each(loads.map(([state, key]) => [state.name, state, key] as const))(
  'finds %s by their keys in an index, however many there are',
  async (_, state, key) => {
    const plans: string[] = []
    const explaining: Reader = {
      async all(sql, ...values) {
        const plan = await database.all<{ detail: string }>(`explain query plan ${sql}`, ...values)
        plans.push(...plan.map(({ detail }) => detail))
        return []
      },
      get: () => Promise.reject(new Error('one statement loads many')),
    }
    await state.load(explaining, [key, key])
    expect(plans).not.toEqual([])
    // What is sought is a list, too.
    const lists = /json_each|CONSTANT ROWS|^SCAN sought/
    expect(plans.filter((detail) => detail.startsWith('SCAN') && !lists.test(detail))).toEqual([])
  },
)

it('keeps of a channel all that was decided of it', async () => {
  await takeInPaid('1')
  const standing = {
    status: 'held',
    attempts: 3,
    provider: 'smtp',
    providerId: '<1@x>',
    error: '451',
    durationMs: 8,
    updatedAt: at,
    dueAt: later,
    heldBecause: 'digest',
    digestId: 'd',
    supersededBy: '1.order.cancelled',
    generation: 2,
    turnMs: 17.5,
    call: { provider: 'smtp-second', at, claimedBy: 'me' },
  } as const
  await change((telling) => withStanding(telling, 'sms', standing))
  expect((await findTelling(database, '1.order.paid'))?.standings).toEqual({ sms: standing })
  const others = { dueAt: null, heldBecause: null, digestId: null, call: { provider: 'smtp', at, claimedBy: null } }
  await change((telling) => withStanding(telling, 'sms', others))
  expect((await findTelling(database, '1.order.paid'))?.standings).toEqual({ sms: { ...standing, ...others } })
})

it('knows where each channel stands, from before the first attempt to after the last', async () => {
  await takeInPaid('1')
  expect(await standing()).toEqual([
    ['email', 'waiting', 0, null],
    ['sms', 'waiting', 0, null],
  ])
  await failing('451 later')
  expect(await standing()).toContainEqual(['email', 'waiting', 1, '451 later'])
  expect([await listed('waiting'), await listed('failed'), await listed('sent')]).toEqual([['1.order.paid'], [], []])
  await change((telling) => changed(telling, 'email', { status: 'failed', error: 'gave up' }, later))
  expect(await standing()).toContainEqual(['email', 'failed', 1, 'gave up'])
  expect(await listed('failed')).toEqual(['1.order.paid'])
  await failing('451 still later')
  expect(await standing()).toContainEqual(['email', 'failed', 2, '451 still later'])
  await sending('email')
  expect(await standing()).toContainEqual(['email', 'sent', 3, null])
  expect([await listed('waiting'), await listed('failed'), await listed('sent')]).toEqual([
    ['1.order.paid'],
    [],
    ['1.order.paid'],
  ])
  await sending('sms')
  expect(await listed('waiting')).toEqual([])
  expect(await shown()).toEqual([
    { ...attemptShown, attempt: 1, outcome: 'failed', error: '451 later' },
    { ...attemptShown, attempt: 1, outcome: 'failed', error: '451 still later' },
    { ...attemptShown, attempt: 3, outcome: 'sent', providerId: '<1@x>', durationMs: 9 },
    { ...attemptShown, channel: 'sms', attempt: 1, outcome: 'sent', providerId: '<1@x>', durationMs: 9 },
  ])
  expect(await database.all('select outcome from attempts')).toEqual([{ outcome: 'failed' }, { outcome: 'failed' }])
})

it('shows the attempts of all channels in their order, however one ended that was made again elsewhere', async () => {
  await takeInPaid('1')
  await change((telling) => sent(telling, 'email', receipt, at))
  await change((telling) => failed(telling, { ...attempt('503'), channel: 'sms' }, 'nobody', undefined))
  await failing('421 after all')
  await change((telling) => sent(telling, 'email', { ...receipt, providerId: '<2@x>' }, later))
  expect(await standingsIn(database, '1.order.paid')).toMatchObject([
    {
      channel: 'email',
      status: 'sent',
      attempts: 3,
      provider: 'smtp',
      providerId: '<1@x>',
      error: null,
      updatedAt: at,
    },
    { channel: 'sms', status: 'waiting', attempts: 1, provider: null, error: '503', updatedAt: later },
  ])
  expect(
    (await shown()).map(({ channel, outcome, providerId, error }) => [channel, outcome, providerId ?? error]),
  ).toEqual([
    ['email', 'sent', '<1@x>'],
    ['sms', 'failed', '503'],
    ['email', 'failed', '421 after all'],
  ])
})
const attemptShown = { channel: 'email', at: later, provider: 'smtp', providerId: null, error: null, durationMs: 7 }

it.each(['update attempts set error = null', 'delete from attempts'])('refuses: %s', async (statement) => {
  await takeInPaid('1')
  await failing('451 later')
  await expect(database.run(statement)).rejects.toThrow('attempts are append-only')
})

it('keeps template files under their version, as they first were', async () => {
  await saveTemplates(database, 'v1', { 'theme.json': '{}' }, at)
  await saveTemplates(database, 'v1', { 'theme.json': '{"other": ""}' }, later)
  expect(await templateFiles.load(database, ['v1', 'v2'])).toEqual(new Map([['v1', { 'theme.json': '{}' }]]))
})

upgradeSuite('SQLite', async (folder) => ({
  environment: { DATA_DIR: folder },
  open: () => openDatabase('notification-service', folder),
  remove: async () => undefined,
}))
