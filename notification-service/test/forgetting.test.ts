// Customers are forgotten many at a time, and whatever became of what they were told.
import { join } from 'node:path'
import type { Work } from '@orders/shared/messaging'
import { type Database, insert, migrate, openSqlite } from '@orders/shared/storage'
import { decideAlone, scratchFolder } from '@orders/shared/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { forgetterOf } from '../forgetting/forget.ts'

const AT = '2026-11-21T08:30:00.000Z'
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

const forgetter = () =>
  forgetterOf({
    database,
    commit: { submit: async <T>(work: Work<T>) => (await decideAlone(database, work)).result },
    now: () => new Date(AT),
  })

/** One notification of each, with one mail that stands so. */
async function told(
  count: number,
  status: string,
): Promise<{ ownerId: string; names: string[]; subjects: string[] }[]> {
  const all = Array.from({ length: count }, (_, index) => `${status}-${index}`)
  const payload = JSON.stringify({
    words: { template: 'message', version: '', locale: null, currency: 'EUR', data: { subject: 'x', body: 'y' } },
  })
  await database.transaction(async (tx) => {
    await insert(
      tx,
      `notifications (id, subject, order_id, event_type, category, priority, channels, payload, created_at, customer_id, owner_id, email)`,
      all.map((one) => [
        one,
        one,
        one,
        'order.paid',
        'order',
        4,
        1,
        payload,
        AT,
        `user ${one}`,
        `cus_${one}`,
        `${one}@x.example`,
      ]),
    )
    await insert(
      tx,
      'deliveries (notification_id, channel, status, attempts, error, updated_at)',
      all.map((one) => [one, 'email', status, 1, null, AT]),
    )
    await insert(
      tx,
      'customers (id, addresses, updated_at)',
      all.map((one) => [`user ${one}`, JSON.stringify({ email: `${one}@x.example` }), AT]),
    )
  })
  return all.map((one) => ({ ownerId: `cus_${one}`, names: [`user ${one}`], subjects: [one] }))
}

it('five hundred take as many statements as one', async () => {
  const [one, many] = [await told(1, 'sent'), await told(500, 'expired')]
  const before = database.spent.statements
  await forgetter()(one)
  const ofOne = database.spent.statements - before
  await forgetter()(many)
  expect(database.spent.statements - before - ofOne).toBe(ofOne)
  expect(await database.all('select id from customers')).toEqual([])
})

it('what could not be told stands in nobody’s way', async () => {
  const all = await told(2, 'failed')
  await forgetter()(all)
  expect(await database.all('select id from customers')).toEqual([])
})

it('what waits is called off, also where it was asked for directly', async () => {
  const all = await told(2, 'waiting')
  await database.run('update notifications set owner_id = null')
  await forgetter()(all)
  const statuses = await database.all<{ status: string }>('select distinct status from deliveries')
  expect(statuses).toEqual([{ status: 'cancelled' }])
  const left = await database.all('select distinct customer_id, payload, email from notifications')
  expect(left).toEqual([{ customer_id: '', payload: '', email: '' }])
})

it('an attempt may be emptied of what a provider said, and changed in nothing else', async () => {
  await insert(database, 'attempts (notification_id, channel, attempt, at, provider, outcome, error, duration_ms)', [
    ['1', 'email', 1, AT, 'smtp', 'failed', '550 ann@example.org', 3],
  ])
  await expect(database.run(`update attempts set error = 'another'`)).rejects.toThrow('append-only')
  await expect(database.run(`update attempts set error = '', attempt = 2`)).rejects.toThrow('append-only')
  await database.run(`update attempts set error = ''`)
})
