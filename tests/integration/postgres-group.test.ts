// Groups of two copies of a service on PostgreSQL that collide, or lose their connection: no member hears of it, and each
// effect and each message is there once.
import { createGroupCommit, createOutbox, encode } from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import { openDatabase, type Sql } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { expect, it, onTestFinished } from 'vitest'
import { effects, openKernel, outboxRows, publishedIds, reserved } from '../../shared/messaging/test/kernel.ts'
import { testDatabase } from '../support/postgres.ts'
import { startPostgresWire } from '../support/postgres-wire.ts'

/** A kernel, and a second copy of the service on the same database; `wireUrl` is the way of the second. */
async function twoCopies({ parameters = '', wired = false, committed = (_: number) => {} } = {}) {
  const { url, remove } = testDatabase()
  const first = () => openDatabase('one', '.data', url + parameters)
  const kernel = await openKernel({ committed, open: async () => ({ database: await first(), again: first, remove }) })
  const wire = await startPostgresWire(url + parameters)
  const database = await openDatabase('two', '.data', wired ? wire.url : url + parameters)
  const { broker, log, now } = kernel
  const outbox = createOutbox({ database, broker, log, now })
  const commit = createGroupCommit({ database, outbox, service: 'test-service' })
  onTestFinished(async () => {
    await commit.close()
    await outbox.close()
    await database.close()
    await wire.close()
  })
  return { kernel, other: database, one: kernel.commit, two: commit, outbox, wire }
}

const published = (id: string) => encode(reserved(id), 'test-service', {})
const count = (tx: Sql, id: string) => tx.run(`update effects set note = note || '.' where id = ?`, id)
const notes = async (sql: Pick<Sql, 'all'>) =>
  (await sql.all<{ note: string }>('select note from effects order by id')).map(({ note }) => note)

it('a deadlock: both groups are committed in the end', async () => {
  const { kernel, one, two } = await twoCopies()
  await kernel.database.run(`insert into effects (id, note) values ('a', ''), ('b', '')`)
  const started = [deferred(), deferred()]
  let runs = 0
  const crossing = (mine: string, other: string, own: number) => async (tx: Sql) => {
    runs++
    await count(tx, mine)
    started[own]?.resolve()
    await Promise.all(started.map(({ promise }) => promise))
    await count(tx, other)
    return { result: own, messages: [] }
  }

  expect(await Promise.all([one.submit(crossing('a', 'b', 0)), two.submit(crossing('b', 'a', 1))])).toEqual([0, 1])

  expect(runs).toBeGreaterThan(2)
  expect(await notes(kernel.database)).toEqual(['..', '..'])
})

it('a serialization failure: the group is tried again and sees what the other has saved', async () => {
  const parameters = `?options=${encodeURIComponent('-c default_transaction_isolation=serializable')}`
  const groups: number[] = []
  const { kernel, one, two } = await twoCopies({ parameters, committed: (members) => groups.push(members) })
  await kernel.database.run(`insert into effects (id, note) values ('a', '')`)
  const loaded = deferred()
  const saved = deferred()
  let runs = 0

  const late = one.submit(async (tx) => {
    runs++
    const [note] = await notes(tx)
    loaded.resolve()
    await saved.promise
    await tx.run('update effects set note = ? where id = ?', `${note}.`, 'a')
    return { result: note, messages: [] }
  })
  const bystander = one.submit(async (tx) => ({
    result: await tx.run(`insert into effects (id, note) values ('b', 'once')`),
    messages: [],
  }))
  await loaded.promise
  await two.submit(async (tx) => ({ result: await count(tx, 'a'), messages: [] }))
  saved.resolve()

  expect(await late).toBe('.')
  expect(await bystander).toBe(1)
  expect({ runs, groups }).toEqual({ runs: 2, groups: [2] })
  expect(await notes(kernel.database)).toEqual(['..', 'once'])
})

it('the same keys: of two copies that decide at the same moment, the second sees what the first has decided', async () => {
  const { kernel, one, two } = await twoCopies()
  /** As a handler: says it only when it is new. */
  const learning = (id: string) => async (tx: Sql) => {
    const known = await tx.get('select id from effects where id = ?', id)
    if (known) return { result: 'known', messages: [] }
    await tx.run('insert into effects (id, note) values (?, ?)', id, 'new')
    return { result: 'new', messages: [reserved(id)] }
  }
  const ids = Array.from({ length: 40 }, (_, index) => `order-${String(index).padStart(2, '0')}`)
  const submitAll = (commit: typeof one, order: string[]) =>
    Promise.all(order.map((id) => commit.submit(learning(id), { keys: [id] })))

  const told = await Promise.all([submitAll(one, ids), submitAll(two, ids.toReversed())])

  expect(told.flat().filter((result) => result === 'new')).toHaveLength(ids.length)
  await eventually('all is published', () => publishedIds(kernel).length >= ids.length)
  expect(publishedIds(kernel).toSorted()).toEqual(ids.map((id) => `${id}/inventory.reserved`))
})

it('a commit of unknown outcome: the work is found done, and what it said is published', async () => {
  const { kernel, two, outbox, wire } = await twoCopies({ wired: true })
  let runs = 0
  const saving = (id: string) => async (tx: Sql) => {
    runs++
    const isNew = await tx.run(`insert into effects (id, note) values (?, 'once') on conflict do nothing`, id)
    return { result: id, messages: isNew > 0 ? [reserved(id)] : [] }
  }

  wire.cutAfter('commit')
  expect(await two.submit(saving('a'))).toBe('a')

  expect(runs).toBe(2)
  await eventually('it is published', () => publishedIds(kernel).includes('a/inventory.reserved'))
  expect(await effects(kernel)).toEqual(['a'])
  await eventually('it is forgotten', async () => outbox.pending().underWay === 0 && (await outboxRows(kernel)) === 0)
})

it('two copies that start together never both take a row that a dead one left behind', async () => {
  const { kernel, other } = await twoCopies()
  const { database, broker, log } = kernel
  const dead = createOutbox({ database, broker, log, now: kernel.now })
  const ids = Array.from({ length: 1_200 }, (_, index) => `order-${String(index).padStart(4, '0')}`)
  await database.transaction((tx) => dead.record(tx, ids.map(published)))
  await dead.close()
  let clockMs = kernel.now().getTime()
  const now = () => new Date(++clockMs)
  const living = [database, other].map((its) => createOutbox({ database: its, broker, log, now }))

  await Promise.all(living.map((outbox) => outbox.sweep()))

  await eventually('all is published', () => publishedIds(kernel).length >= ids.length)
  await Promise.all(living.map((outbox) => outbox.close()))
  expect(publishedIds(kernel).toSorted()).toEqual(ids.map((id) => `${id}/inventory.reserved`))
})
