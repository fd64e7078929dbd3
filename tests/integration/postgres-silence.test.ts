// PostgreSQL's host falls silent: nothing is closed and nothing answers. Whoever waits is told, the connection is thrown away,
// and all goes on by itself when the host speaks again. What only takes long is left alone.
import { deferred } from '@orders/shared/runtime'
import { openDatabase, type Sql } from '@orders/shared/storage'
import { eventually } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { query, testDatabase } from '../support/postgres.ts'
import { startPostgresWire } from '../support/postgres-wire.ts'

/** For tests; people have a slower network. A busy machine makes a connection within it. */
const ANSWER_MS = 1_000
const SILENT = { name: 'TransientError', code: 'database_unavailable', isOutage: true }

/** A database behind a wire, with two counters and a connection of each kind made. */
async function behindWire() {
  const { url, remove } = testDatabase()
  const near = await openDatabase('near', '.data', url)
  const wire = await startPostgresWire(url)
  const database = await openDatabase('far', '.data', wire.url, ANSWER_MS)
  onTestFinished(async () => {
    await database.close()
    await wire.close()
    await near.close()
    await remove()
  })
  await near.run('create table counters (id text primary key, value bigint not null)')
  await near.run(`insert into counters (id, value) values ('a', 0), ('b', 0)`)
  await Promise.all([add(database, 'b'), counter(database, 'b')])
  return { url, wire, database, near }
}

const add = (sql: Sql, id: string) => sql.run('update counters set value = value + 1 where id = ?', id)
const counter = async (sql: Pick<Sql, 'get'>, id: string) =>
  (await sql.get<{ value: number }>('select value from counters where id = ?', id))?.value
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => error,
  )

/** Whoever is still connecting when the host speaks again has a connection that lives. */
async function toTheLast(works: Promise<unknown>[]): Promise<unknown> {
  await Promise.allSettled(works)
  return Promise.all(works)
}

describe('the host falls silent', () => {
  type Behind = Awaited<ReturnType<typeof behindWire>>
  it.each<{ moment: string; work(behind: Behind): Promise<unknown> }>([
    {
      moment: 'before a statement',
      work({ wire, database }) {
        wire.freeze()
        return add(database, 'a')
      },
    },
    {
      moment: 'before a read',
      work({ wire, database }) {
        wire.freeze()
        return counter(database, 'a')
      },
    },
    {
      moment: 'between two statements, of which the second are several',
      work: ({ wire, database }) =>
        database.transaction(async (tx) => {
          await add(tx, 'a')
          wire.freeze()
          await Promise.all([add(tx, 'a'), add(tx, 'b'), counter(tx, 'a')])
        }),
    },
    {
      moment: 'before begin and lock, which nobody waits for',
      work: ({ wire, database }) =>
        database.transaction(async (tx) => {
          await tx.lock(['a', 'b'])
          wire.freeze()
          await counter(tx, 'a')
        }),
    },
    {
      moment: 'with no connection made, for a statement',
      work({ wire, database }) {
        wire.silence()
        wire.freeze()
        return toTheLast([1, 2, 3, 4, 5].map(() => add(database, 'a')))
      },
    },
    {
      moment: 'with no connection made, for a read',
      work({ wire, database }) {
        wire.silence()
        wire.freeze()
        return toTheLast([1, 2, 3, 4, 5].map(() => counter(database, 'a')))
      },
    },
  ])(
    '$moment: an outage, nothing is saved, and all goes on when it speaks again',
    async ({ work }) => {
      const behind = await behindWire()
      const { wire, database, near, url } = behind

      expect(await errorOf(work(behind))).toMatchObject(SILENT)

      wire.heal()
      // Not before the server knows that they are gone, a lock is free again.
      await eventually('it is served again', () => add(database, 'a').catch(() => undefined))
      await eventually('what it reads as well', () => counter(database, 'a').catch(() => undefined))
      // One of which the server has heard half an introduction is kept for its authentication_timeout of a minute.
      await eventually('none of the silent ones is kept', async () => (await ofFar(url)) <= 2, 75_000)
      // What was held back may have been done until then.
      expect(await counter(database, 'a')).toBe(await counter(near, 'a'))
    },
    120_000,
  )

  it('while committing: the outcome is unknown, and said to be', async () => {
    const { wire, database, near } = await behindWire()
    wire.freezeAfter('Q', 'commit')
    expect(await errorOf(database.transaction((tx) => add(tx, 'a')))).toMatchObject({ code: 'commit_unknown' })
    // Here the server got it and only its answer was not heard: what the caller cannot know.
    await eventually('it is there', async () => (await counter(near, 'a')) === 1)
    wire.heal()
    expect(await eventually('it is served again', () => add(database, 'a').catch(() => undefined))).toBe(1)
  })

  it('while rolling back: the work’s own error is told, and the connection is thrown away', async () => {
    const { wire, database, near } = await behindWire()
    const refused = new Error('refused')
    const work = database.transaction(async (tx) => {
      await add(tx, 'a')
      wire.freeze()
      throw refused
    })
    expect(await errorOf(work)).toBe(refused)
    wire.heal()
    await eventually('it is served again', () => add(database, 'a').catch(() => undefined))
    expect(await counter(near, 'a')).toBe(1)
  })

  it('on the connections that are open only, as when a firewall has forgotten them: new ones are made', async () => {
    const { wire, database, near } = await behindWire()
    const begun = deferred()
    const rest = deferred()
    const work = database.transaction(async (tx) => {
      await add(tx, 'a')
      begun.resolve()
      await rest.promise
      await add(tx, 'a')
    })
    await begun.promise
    wire.silence()
    rest.resolve()
    expect(await errorOf(work)).toMatchObject(SILENT)
    expect(await errorOf(counter(database, 'a'))).toMatchObject(SILENT)
    // The server has not heard that the other one is gone, and has kept its lock.
    expect(await add(database, 'b')).toBe(1)
    expect(await counter(database, 'b')).toBe(await counter(near, 'b'))
  })

  it('is no reason not to close: what waits is told, and then it is closed', async () => {
    const { wire } = await behindWire()
    const database = await openDatabase('closing', '.data', wire.url, ANSWER_MS)
    await Promise.all([add(database, 'b'), counter(database, 'b')])
    wire.freeze()
    const working = [errorOf(add(database, 'a')), errorOf(counter(database, 'a'))]
    await database.close()
    expect(await Promise.all(working)).toMatchObject([SILENT, SILENT])
    wire.heal()
  })

  it('to connections that nobody uses: closing leaves none of them open', async () => {
    const { wire } = await behindWire()
    const database = await openDatabase('closing', '.data', wire.url, ANSWER_MS)
    await Promise.all([add(database, 'b'), counter(database, 'b'), counter(database, 'b')])
    wire.freeze()
    const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length
    const before = sockets()
    await database.close()
    await eventually('its three are gone', () => sockets() <= before - 3)
    wire.heal()
  })

  it('when it was asked to create the database: whoever starts tries again', async () => {
    const { url, remove } = testDatabase()
    const wire = await startPostgresWire(url)
    wire.freezeAfter('Q')
    const opening = openDatabase('starting', '.data', wire.url, ANSWER_MS)
    await eventually('it is silent', () => wire.isFrozen())
    wire.silence()
    wire.heal()
    const database = await opening
    onTestFinished(async () => {
      await database.close()
      await wire.close()
      await remove()
    })
    expect(await database.get('select 1 as one')).toEqual({ one: 1 })
  })

  const ofFar = async (url: string) => {
    const [row] = await query<{ count: number }>(
      url,
      `select count(*)::int as count from pg_stat_activity where application_name = 'far' and datname = current_database()`,
    )
    return row?.count ?? 0
  }
})

describe('the host is only slow', () => {
  it('a statement, a read and a wait for a lock may take as long as the server lets them', async () => {
    const { database, near } = await behindWire()
    const slow = `select pg_sleep(${(ANSWER_MS * 4) / 1_000})`
    const locked = deferred()
    const holding = near.transaction(async (tx) => {
      await tx.lock(['key'])
      await tx.get('select 1')
      locked.resolve()
      await tx.get(slow)
    })
    await locked.promise

    const waiting = database.transaction(async (tx) => {
      await tx.lock(['key'])
      await add(tx, 'a')
    })
    const long = database.transaction(async (tx) => {
      await Promise.all([tx.get(slow), add(tx, 'b')])
      await tx.get(slow)
      await add(tx, 'b')
    })
    await Promise.all([holding, waiting, long, database.get(slow)])

    expect([await counter(near, 'a'), await counter(near, 'b')]).toEqual([1, 3])
  })

  it('a transaction whose work takes long on our side is left alone', async () => {
    const { database, near } = await behindWire()
    await database.transaction(async (tx) => {
      await add(tx, 'a')
      await near.get(`select pg_sleep(${(ANSWER_MS * 3) / 1_000})`)
      await add(tx, 'a')
    })
    expect(await counter(near, 'a')).toBe(2)
  })
})
