// Groups of two copies of a service on PostgreSQL that collide, or lose their connection: no member hears of it, and each
// effect and each message is there once.
import { registry } from '@orders/shared/contracts'
import {
  about,
  createGroupCommit,
  createOutbox,
  encode,
  type Known,
  owned,
  type State,
  type Work,
} from '@orders/shared/messaging'
import { deferred } from '@orders/shared/runtime'
import { insert, openDatabase, type Sql } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  appending,
  effects,
  notes,
  openKernel,
  outboxRows,
  publishedIds,
  reserved,
  saving,
} from '../../shared/handling/test/kernel.ts'
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
  const commit = createGroupCommit({ database, outbox, service: 'test-service', registry, now })
  onTestFinished(async () => {
    await commit.close()
    await outbox.close()
    await database.close()
    await wire.close()
  })
  return { kernel, other: database, one: kernel.commit, two: commit, outbox, wire }
}

const published = (id: string) => encode(registry, reserved(id), 'test-service', {})
const appended = async (sql: Pick<Sql, 'all'>) =>
  (await sql.all<{ note: string }>('select note from effects order by id')).map(({ note }) => note)
/** As a handler: says it only when it is new. */
const learning = (id: string, decided = () => {}) =>
  about(notes, id, (known) => {
    decided()
    if (known !== undefined) return { result: 'known', messages: [] }
    return { state: 'once', result: 'new', messages: [reserved(id)] }
  })

/** Resolves when all of so many have come. */
function rendezvous(count: number): () => Promise<void> {
  const all = deferred()
  let come = 0
  return async () => {
    come += 1
    if (come === count) all.resolve()
    await all.promise
  }
}

it('a deadlock: both groups are committed in the end', async () => {
  const { kernel, one, two } = await twoCopies()
  await kernel.database.run(`insert into effects (id, note) values ('a', ''), ('b', '')`)
  const bothHaveOne = rendezvous(2)
  let saves = 0
  const count = (tx: Sql, id: string) => tx.run(`update effects set note = note || '.' where id = ?`, id)
  /** Its lock is its own, and its rows are not. */
  const crossing = (name: string, [first, second]: [string, string]) => {
    const state: State<string> = {
      name,
      load: async () => new Map(),
      async save(tx) {
        saves += 1
        await count(tx, first)
        await bothHaveOne()
        await count(tx, second)
      },
    }
    return about(state, 'key', () => ({ state: 'saved', result: name, messages: [] }))
  }

  const told = await Promise.all([one.submit(crossing('one', ['a', 'b'])), two.submit(crossing('two', ['b', 'a']))])

  expect(told).toEqual(['one', 'two'])
  expect(saves).toBeGreaterThan(2)
  expect(await appended(kernel.database)).toEqual(['..', '..'])
})

it('a deadlock over keys that could be named only late: both are committed in the end, each upon the other', async () => {
  const { kernel, one, two } = await twoCopies()
  await kernel.database.run(`insert into effects (id, note) values ('a', ''), ('b', '')`)
  const bothHaveOne = rendezvous(2)
  let loads = 0
  const watched: State<string> = {
    ...notes,
    async load(sql, keys) {
      loads += 1
      const loaded = await notes.load(sql, keys)
      await bothHaveOne()
      return loaded
    },
  }
  const crossing = (first: string, second: string): Work<string[]> => ({
    reads: (known) => [
      owned(watched, first),
      ...(known.get(watched, first) === undefined ? [] : [owned(watched, second)]),
    ],
    decide(draft) {
      for (const id of [first, second]) draft.set(watched, id, `${draft.get(watched, id)}.`)
      return { result: [first, second], messages: [] }
    },
  })

  await Promise.all([one.submit(crossing('a', 'b')), two.submit(crossing('b', 'a'))])

  expect(loads).toBeGreaterThan(4)
  expect(await appended(kernel.database)).toEqual(['..', '..'])
})

it('a serialization failure: the group is tried again and sees what the other has saved', async () => {
  const parameters = `?options=${encodeURIComponent('-c default_transaction_isolation=serializable')}`
  const groups: number[] = []
  const { kernel, one, two } = await twoCopies({ parameters, committed: (members) => groups.push(members) })
  await kernel.database.run(`insert into effects (id, note) values ('a', '')`)
  const loaded = deferred()
  const saved = deferred()
  let loads = 0
  /** Under a lock of its own, so that the other copy does not wait for it. */
  const unlocked: State<string> = {
    ...notes,
    name: 'unlocked',
    async load(sql, keys) {
      loads += 1
      const found = await notes.load(sql, keys)
      loaded.resolve()
      await saved.promise
      return found
    },
  }

  const late = one.submit(about(unlocked, 'a', (note) => ({ state: `${note}.`, result: note, messages: [] })))
  const bystander = one.submit(learning('b'))
  await loaded.promise
  await two.submit(appending('a', '.'))
  saved.resolve()

  expect(await late).toBe('.')
  expect(await bystander).toBe('new')
  expect({ loads, groups }).toEqual({ loads: 2, groups: [2] })
  expect(await appended(kernel.database)).toEqual(['..', 'once'])
})

it('the same keys: of two copies that decide at the same moment, the second sees what the first has decided', async () => {
  const { kernel, one, two } = await twoCopies()
  const ids = Array.from({ length: 40 }, (_, index) => `order-${String(index).padStart(2, '0')}`)
  const submitAll = (commit: typeof one, order: string[]) => Promise.all(order.map((id) => commit.submit(learning(id))))

  const told = await Promise.all([submitAll(one, ids), submitAll(two, ids.toReversed())])

  expect(told.flat().filter((result) => result === 'new')).toHaveLength(ids.length)
  await eventually('all is published', () => publishedIds(kernel).length >= ids.length)
  expect(publishedIds(kernel).toSorted()).toEqual(ids.map((id) => `${id}/inventory.reserved`))
})

it('many groups of two copies about few keys: nothing is lost, and each has its own in the order of arrival', async () => {
  const { kernel, one, two } = await twoCopies()
  const ids = ['a', 'b', 'c', 'd', 'e']
  const submitted = { one: new Map<string, string>(), two: new Map<string, string>() }
  const all: Promise<string>[] = []
  for (let number = 0; number < 200; number++) {
    const id = ids[(number * 3 + Math.floor(number / 7)) % ids.length] ?? 'a'
    for (const [name, commit] of Object.entries({ one, two }) as ['one' | 'two', typeof one][]) {
      const text = `${name === 'one' ? '+' : '-'}${number};`
      submitted[name].set(id, (submitted[name].get(id) ?? '') + text)
      all.push(commit.submit(appending(id, text)))
    }
    if (number % 9 === 0) await new Promise((next) => setImmediate(next))
  }
  await Promise.all(all)

  for (const [index, note] of (await appended(kernel.database)).entries()) {
    const id = ids[index] ?? ''
    const of = (sign: string) =>
      note
        .split(/(?<=;)/)
        .filter((text) => text.startsWith(sign))
        .join('')
    expect([of('+'), of('-')]).toEqual([submitted.one.get(id), submitted.two.get(id)])
  }
})

it('as many groups of one copy as there are writers are under way at one time', async () => {
  const { kernel, one } = await twoCopies()
  const { writersMax } = kernel.database
  const allAreInside = rendezvous(writersMax)
  let inside = 0
  const together: State<string> = {
    ...notes,
    async load(sql, keys) {
      const loaded = await notes.load(sql, keys)
      inside += 1
      await allAreInside()
      return loaded
    },
  }
  const all: Promise<string>[] = []
  for (let group = 0; group < writersMax; group++) {
    all.push(one.submit(about(together, `key-${group}`, () => ({ state: 'saved', result: 'done', messages: [] }))))
    await eventually('it is inside', () => inside === group + 1)
  }
  expect(await Promise.all(all)).toEqual(Array(writersMax).fill('done'))
  expect(writersMax).toBe(3)
})

/** About two rows: one, and the one that it names. */
const byName = (state: State<string>, id: string): Work<string> => {
  const named = (known: Known) => known.get(state, id) ?? ''
  return {
    reads: (known) => [owned(state, id), ...(named(known) === '' ? [] : [owned(state, named(known))])],
    decide(draft) {
      const note = `${draft.get(state, named(draft)) ?? ''}.`
      draft.set(state, named(draft), note)
      return { result: note, messages: [reserved(id)] }
    },
  }
}

it('groups of one copy that learn late of a key they have in common decide one after the other', async () => {
  const { kernel, one } = await twoCopies()
  await kernel.database.run(`insert into effects (id, note) values ('a', 'common'), ('b', 'common')`)
  const bothAreInside = rendezvous(2)
  let loads = 0
  const watched: State<string> = {
    ...notes,
    async load(sql, keys) {
      loads += 1
      const loaded = await notes.load(sql, keys)
      if (!keys.includes('common')) await bothAreInside()
      return loaded
    },
  }
  const first = one.submit(byName(watched, 'a'))
  await eventually('the first one has begun', () => loads === 1)

  const told = await Promise.all([first, one.submit(byName(watched, 'b'))])

  expect(told.toSorted()).toEqual(['.', '..'])
  expect(await appended(kernel.database)).toEqual(['common', 'common', '..'])
})

it('a commit of unknown outcome: the work is found done, and what it said is published', async () => {
  const { kernel, two, outbox, wire } = await twoCopies({ wired: true })
  let runs = 0
  const decided = () => {
    runs += 1
  }

  wire.cutAfter('commit')
  expect(await two.submit(learning('a', decided))).toBe('known')

  expect(runs).toBe(2)
  await eventually('it is published', () => publishedIds(kernel).includes('a/inventory.reserved'))
  expect(await effects(kernel)).toEqual(['a'])
  await eventually('it is forgotten', async () => outbox.pending().underWay === 0 && (await outboxRows(kernel)) === 0)
})

describe('the round trips of a group', () => {
  /** Of one that forgets what the last one said as well. */
  async function spentBy(members: number, work: (id: string) => Work<unknown>, rows: string[][] = []) {
    const { other, two, outbox, wire } = await twoCopies({ wired: true })
    await other.transaction((tx) => insert(tx, 'effects (id, note)', rows))
    const submitAll = (prefix: string) =>
      Promise.all(Array.from({ length: members }, (_, index) => two.submit(work(`${prefix}-${index}`))))
    await submitAll('before')
    await eventually('all is confirmed', () => outbox.pending().confirmed === members)
    const before = { wire: wire.roundTrips(), ...other.spent }
    await submitAll('now')
    const { statements, roundTrips } = other.spent
    return {
      wire: wire.roundTrips() - before.wire,
      roundTrips: roundTrips - before.roundTrips,
      statements: statements - before.statements,
    }
  }

  it.each([1, 64])('of %i are three: begin, lock and load; record, save and forget; commit', async (members) => {
    expect(await spentBy(members, saving)).toEqual({ wire: 3, roundTrips: 3, statements: 7 })
  })

  it('are one more where some keys can be named only when others are loaded', async () => {
    const rows = ['before', 'now'].flatMap((prefix) =>
      Array.from({ length: 64 }, (_, index) => [`${prefix}-${index}`, `named-by-${prefix}-${index}`]),
    )
    const spent = await spentBy(64, (id) => byName(notes, id), rows)
    // Another lock and another load.
    expect(spent).toEqual({ wire: 4, roundTrips: 4, statements: 9 })
  })
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
