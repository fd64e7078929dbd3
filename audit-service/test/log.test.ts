// The log keeps every event once, refuses every change, and tells of any that got in all the same.
import { join } from 'node:path'
import { type Database, migrate, openSqlite } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { entryAfter, GENESIS, verify } from '../domain.ts'
import { append, eventsOf, headOf, listEvents, verifyAll } from '../store.ts'

const now = '2026-11-21T08:30:00.000Z'
let scratch: Awaited<ReturnType<typeof scratchFolder>>
let file: string
let database: Database

beforeEach(async () => {
  scratch = await scratchFolder()
  file = join(scratch.path, 'audit.db')
  database = openSqlite(file)
  await migrate(database, [join(import.meta.dirname, '..', 'migrations')])
})
afterEach(async () => {
  await database.close()
  await scratch.remove()
})

function event(id: string, subject = '1', type = 'order.created') {
  const attributes = { id, type, subject, source: '/order-service', time: now }
  return { ...attributes, data: { body: JSON.stringify({ ...attributes, data: { n: 1 } }), causationId: null } }
}

async function keep(...events: ReturnType<typeof event>[]): Promise<void> {
  await database.transaction(async (tx) => {
    for (const one of events) await append(tx, entryAfter(await headOf(tx), one, now))
  })
}

/** What somebody with the file, but without respect, would do. */
function tamper(sql: string): void {
  const intruder = new Sqlite(file)
  intruder.exec(`drop trigger events_are_not_changed; drop trigger events_are_not_deleted; ${sql}`)
  intruder.close()
}

const some = Array.from({ length: 2_500 }, (_, index) => event(`e${index + 1}`, String(index % 10)))

it('keeps an event once, however often it comes', async () => {
  await keep(event('a'), event('b'), event('a'))
  await keep(event('b'), event('c'))
  const entries = await eventsOf(database, '1')
  expect(entries.map(({ sequence, id }) => [sequence, id])).toEqual([
    [1, 'a'],
    [2, 'b'],
    [3, 'c'],
  ])
  expect(entries[0]).toEqual(entryAfter(GENESIS, event('a'), now))
})

it('is whole after any number of events, across the batches of the check', async () => {
  expect(await verifyAll(database)).toEqual({ ok: true, events: 0, head: GENESIS })
  await keep(...some)
  expect(await verifyAll(database)).toEqual({ ok: true, events: 2_500, head: await headOf(database) })
})

it.each(['update events set body = body', 'delete from events', `update events set hash = 'x' where sequence = 1`])(
  'refuses: %s',
  async (statement) => {
    await keep(event('a'))
    await expect(database.run(statement)).rejects.toThrow('events are append-only')
    expect(await verifyAll(database)).toMatchObject({ ok: true, events: 1 })
  },
)

it.each([
  [`update events set body = replace(body, '"n":1', '"n":2') where sequence = 1200`, 'changed', 1_200],
  [`update events set received_at = '2020' where sequence = 2500`, 'changed', 2_500],
  [`update events set causation_id = 'x' where sequence = 1`, 'changed', 1],
  ['delete from events where sequence = 1000', 'missing', 1_000],
  [
    `insert or replace into events select sequence, id || 'x', type, subject, source, time, received_at, causation_id, body, hash from events where sequence = 7`,
    'changed',
    7,
  ],
  ['delete from events where sequence = 3; update events set sequence = sequence - 1 where sequence > 3', 'changed', 3],
] as const)('finds what was done to it: %s', async (sql, why, brokenAt) => {
  await keep(...some)
  tamper(sql)
  expect(await verifyAll(database)).toEqual({ ok: false, events: brokenAt - 1, brokenAt, why })
})

it('does not let two writers continue the same entry', async () => {
  await keep(event('a'))
  const head = await headOf(database)
  await keep(event('b'))
  await expect(database.transaction((tx) => append(tx, entryAfter(head, event('c'), now)))).rejects.toThrow(/UNIQUE/)
  expect(await verifyAll(database)).toMatchObject({ ok: true, events: 2 })
})

it('cannot be read in two ways: a text moved from one field to the next is another entry', () => {
  const one = entryAfter(GENESIS, { ...event('a'), subject: '1', source: '/x' }, now)
  expect(verify(GENESIS, [one])).toMatchObject({ ok: true })
  expect(verify(GENESIS, [{ ...one, subject: '1/', source: 'x' }])).toMatchObject({ ok: false, why: 'changed' })
})

it('is read page by page, by type and by order', async () => {
  await keep(event('a', '1'), event('b', '2'), event('c', '1', 'order.paid'), event('d', '1'))
  const ids = async (page: Partial<Parameters<typeof listEvents>[1]>) =>
    (await listEvents(database, { after: 0, limit: 10, ...page })).map(({ id }) => id)
  expect(await ids({})).toEqual(['a', 'b', 'c', 'd'])
  expect(await ids({ limit: 2, after: 1 })).toEqual(['b', 'c'])
  expect(await ids({ type: 'order.created', orderId: '1' })).toEqual(['a', 'd'])
  expect(await ids({ newestFirst: true, limit: 2 })).toEqual(['d', 'c'])
  expect(await ids({ newestFirst: true, before: 3, after: 1 })).toEqual(['b'])
  expect(await ids({ source: '/order-service', newestFirst: true, limit: 1 })).toEqual(['d'])
  expect(await ids({ source: '/payment-service' })).toEqual([])
})
