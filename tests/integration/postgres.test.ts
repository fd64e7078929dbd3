// PostgreSQL behind the storage port: the suite for every driver, and what only PostgreSQL does.
import { readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deferred } from '@orders/shared/runtime'
import { type Database, insert, migrate, openDatabase, type Sql } from '@orders/shared/storage'
import { eventually, scratchFolder } from '@orders/shared/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { databaseSuite } from '../../shared/storage/test/database-suite.ts'
import { query, testDatabase } from '../support/postgres.ts'
import { startPostgresWire } from '../support/postgres-wire.ts'

databaseSuite('PostgreSQL', {
  async open() {
    const { url, remove } = testDatabase()
    return {
      database: await openDatabase('test', '.data', url),
      again: () => openDatabase('test', '.data', url),
      remove,
    }
  },
  bytes: 'bytea',
  codes: { primaryKey: '23505', notNull: '23502', check: '23514', foreignKey: '23503' },
})

/** Two copies of a service on one database, with a table of two counters. */
async function twoCopies(parameters = '') {
  const { url, remove } = testDatabase()
  const one = await openDatabase('one', '.data', url + parameters)
  const two = await openDatabase('two', '.data', url + parameters)
  await one.run('create table counters (id text primary key, value bigint not null)')
  await one.run(`insert into counters (id, value) values ('a', 0), ('b', 0)`)
  onTestFinished(async () => {
    await Promise.all([one.close(), two.close()])
    await remove()
  })
  return { url, one, two }
}

const add = (sql: Sql, id: string) => sql.run('update counters set value = value + 1 where id = ?', id)
const counter = async (sql: Pick<Sql, 'get'>, id: string) =>
  (await sql.get<{ value: number }>('select value from counters where id = ?', id))?.value
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: Error) => error,
  )
/** Other tests at the same server call theirs the same. */
const OF_ONE = `datname = current_database() and application_name = 'one'`
const sessions = (url: string) =>
  query<{ pid: number; application_name: string }>(
    url,
    `select pid, application_name from pg_stat_activity where pid <> pg_backend_pid() and ${OF_ONE}`,
  )

describe('a disk that is full, or fails', () => {
  it.each([
    ['53100', 'disk_full'],
    ['58030', 'disk_failed'],
  ])('%s is an outage %s, and the next statement may go well', async (sqlstate, code) => {
    const { one } = await twoCopies()
    const failing = `do $$ begin raise exception using errcode = '${sqlstate}', message = 'no space left'; end $$`
    const work = () => one.transaction((tx) => tx.run(failing))
    await expect(work()).rejects.toMatchObject({ code, isOutage: true })
    await one.transaction((tx) => add(tx, 'a'))
    expect(await counter(one, 'a')).toBe(1)
  })
})

describe('two copies', () => {
  it('that lock the same key decide one after the other, also about a row that does not exist yet', async () => {
    const { one, two } = await twoCopies()
    const turns = Array.from({ length: 10 }, (_, turn) => `turn-${turn}`)
    // Load, decide, save, in one statement each: without the lock, both copies insert, or one overwrites the other.
    const append = (database: Database, turn: string) =>
      database.transaction(async (tx) => {
        await tx.lock(['x', 'list'])
        const known = await counter(tx, 'list')
        if (known === undefined) await tx.run('insert into counters (id, value) values (?, ?)', 'list', 1)
        else await tx.run('update counters set value = ? where id = ?', known + 1, 'list')
        return turn
      })

    await Promise.all(turns.flatMap((turn) => [append(one, turn), append(two, turn)]))

    expect(await counter(one, 'list')).toBe(20)
  })

  it('that lock several keys in different orders never wait in a circle', async () => {
    const { one, two } = await twoCopies()
    const keys = Array.from({ length: 50 }, (_, index) => `order-${index}`)
    const locking = (database: Database, order: string[]) =>
      database.transaction(async (tx) => {
        await tx.lock(order)
        await add(tx, 'a')
      })

    const all = Array.from({ length: 20 }, () => [locking(one, keys), locking(two, keys.toReversed())]).flat()

    await Promise.all(all)
    expect(await counter(one, 'a')).toBe(40)
  })

  it('that wait in a circle all the same: one is told of the deadlock, and nothing of it is saved', async () => {
    const { one, two } = await twoCopies()
    const bothHaveOne = [deferred(), deferred()]
    const crossing = (database: Database, [mine, other]: [string, string], own: number) =>
      database.transaction(async (tx) => {
        await add(tx, mine)
        bothHaveOne[own]?.resolve()
        await Promise.all(bothHaveOne.map(({ promise }) => promise))
        await add(tx, other)
      })

    const errors = await Promise.all([errorOf(crossing(one, ['a', 'b'], 0)), errorOf(crossing(two, ['b', 'a'], 1))])

    expect(errors.filter(Boolean)).toMatchObject([{ name: 'TransientError', code: 'deadlock' }])
    expect([await counter(one, 'a'), await counter(one, 'b')]).toEqual([1, 1])
  })

  it('whose changes cannot be put in an order: one is told of the serialization failure', async () => {
    const { one, two } = await twoCopies(
      `?options=${encodeURIComponent('-c default_transaction_isolation=serializable')}`,
    )
    const loaded = deferred()
    const saved = deferred()
    const late = one.transaction(async (tx) => {
      const value = await counter(tx, 'a')
      loaded.resolve()
      await saved.promise
      await tx.run('update counters set value = ? where id = ?', Number(value) + 1, 'a')
    })
    await loaded.promise
    await add(two, 'a')
    saved.resolve()

    expect(await errorOf(late)).toMatchObject({ name: 'TransientError', code: 'serialization_failure' })
    expect(await counter(one, 'a')).toBe(1)
  })

  it('migrate once, however many start together', async () => {
    const { url, remove } = testDatabase()
    const copies = await Promise.all(Array.from({ length: 4 }, () => openDatabase('order-service', '.data', url)))
    onTestFinished(async () => {
      await Promise.all(copies.map((copy) => copy.close()))
      await remove()
    })

    const folders = [join('shared', 'storage', 'migrations'), join('order-service', 'migrations')]
    const applied = await Promise.all(copies.map((copy) => migrate(copy, folders)))

    expect(applied.flat()).toEqual(folders.flatMap((folder) => readdirSync(folder)))
  })
})

describe('a migration', () => {
  /** A database whose sessions have limits that a test can wait for, and a migration that takes longer. */
  async function longMigration() {
    const { url, remove } = testDatabase()
    const folder = await scratchFolder()
    const limits = 'statement_timeout=1000&lock_timeout=500&idle_in_transaction_session_timeout=1500'
    const open = () => openDatabase('migrating', '.data', `${url}?${limits}`, 1_000)
    const write = (name: string, text: string) => writeFile(join(folder.path, name), text)
    await write('001-long.sql', 'create table long (id integer)\n--\nselect pg_sleep(2.5)')
    onTestFinished(async () => {
      await folder.remove()
      await remove()
    })
    return { open, write, folders: [folder.path] }
  }

  it('takes as long as it needs, and another copy that starts meanwhile waits and says so', async () => {
    const { open, folders } = await longMigration()
    const copies = await Promise.all([open(), open()])
    onTestFinished(async () => void (await Promise.all(copies.map((copy) => copy.close()))))
    let waited = 0
    const wait = () => {
      waited += 1
    }

    const applied = await Promise.all(copies.map((copy) => migrate(copy, folders, wait)))

    expect(applied.flat()).toEqual(['001-long.sql'])
    expect(waited).toBeGreaterThan(0)
    // Its limits end with it.
    await expect(copies[0]?.run('select pg_sleep(2.5)')).rejects.toMatchObject({ code: '57014' })
    await expect(copies[1]?.run('select pg_sleep(2.5)')).rejects.toMatchObject({ code: '57014' })
  })

  it('waits for a table that somebody uses, without beginning again', async () => {
    const { open, write, folders } = await longMigration()
    const copies = await Promise.all([open(), open()])
    onTestFinished(async () => void (await Promise.all(copies.map((copy) => copy.close()))))
    const [one, two] = copies
    await migrate(one, folders)
    await write('002-more.sql', 'alter table long add column more text')
    const inUse = deferred()
    let waited = 0
    const wait = () => {
      waited += 1
    }
    const using = two.transaction(async (tx) => {
      await tx.run('insert into long values (1)')
      inUse.resolve()
      for (let turn = 0; turn < 3; turn++) await tx.get('select pg_sleep(0.4)')
    })
    await inUse.promise

    expect(await migrate(one, folders, wait)).toEqual(['002-more.sql'])

    expect(waited).toBe(0)
    await using
  })
})

describe('what is append-only', () => {
  it.each([
    {
      service: 'order-service',
      table: 'facts',
      column: 'data',
      row: `insert into facts (order_id, type, at, data) values ('1', 'order.created', '', '{}')`,
    },
    {
      service: 'notification-service',
      table: 'attempts',
      column: 'provider',
      row: `with delivered as (
          insert into deliveries (notification_id, channel, status, attempts, updated_at) values ('1', 'email', 'failed', 1, ''))
        insert into attempts (notification_id, channel, attempt, at, provider, outcome, duration_ms)
          values ('1', 'email', 1, '', 'smtp', 'failed', 1)`,
    },
    {
      service: 'audit-service',
      table: 'blocks',
      column: 'records',
      row: `insert into blocks (first, dictionary, hashes, records, leaves) values (1, 1, '', '', 1)`,
    },
  ])('cannot be changed, deleted or truncated: $table of $service', async ({ service, table, column, row }) => {
    const { url, remove } = testDatabase()
    const database = await openDatabase(service, '.data', url)
    onTestFinished(async () => {
      await database.close()
      await remove()
    })
    await migrate(database, [join(service, 'migrations')])
    // Some may go: each row by itself is asked.
    await database.run(row)

    for (const change of [`update ${table} set ${column} = ''`, `delete from ${table}`, `truncate ${table}`])
      await expect(database.run(change)).rejects.toThrow(`${table} are append-only`)
  })
})

it('a transaction that went on after a statement failed is not taken for committed', async () => {
  const { one } = await twoCopies()

  const work = one.transaction(async (tx) => {
    await add(tx, 'a')
    await expect(tx.run(`insert into counters (id, value) values ('a', 0)`)).rejects.toMatchObject({ code: '23505' })
  })

  // PostgreSQL answers such a commit with a rollback, and with no error.
  expect(await errorOf(work)).toMatchObject({ code: 'transaction_lost' })
  expect(await counter(one, 'a')).toBe(0)
})

describe('a connection', () => {
  it('that is terminated while idle is replaced, and nobody notices', async () => {
    const { url, one } = await twoCopies()
    await Promise.all([add(one, 'a'), counter(one, 'a')])
    const before = await sessions(url)
    await query(url, `select pg_terminate_backend(pid) from pg_stat_activity where ${OF_ONE}`)
    await eventually('they are gone', async () => (await sessions(url)).length === 0)

    expect(before.length).toBeGreaterThanOrEqual(2)
    expect(await eventually('it is served again', () => add(one, 'a').catch(() => undefined))).toBe(1)
    expect(await counter(one, 'a')).toBe(2)
  })

  it('that is terminated in a transaction: nothing is saved, and the caller is told that it was the connection', async () => {
    const { url, one } = await twoCopies()

    const work = one.transaction(async (tx) => {
      await add(tx, 'a')
      await query(url, `select pg_terminate_backend(pid) from pg_stat_activity where ${OF_ONE}`)
      await add(tx, 'b')
    })

    expect(await errorOf(work)).toMatchObject({ name: 'TransientError', code: 'connection_lost' })
    expect([await counter(one, 'a'), await counter(one, 'b')]).toEqual([0, 0])
  })

  it('that is lost while committing: the outcome is unknown, and said to be', async () => {
    const { url, two } = await twoCopies()
    const wire = await startPostgresWire(url)
    const cutOff = await openDatabase('cut-off', '.data', wire.url)
    onTestFinished(async () => {
      await cutOff.close()
      await wire.close()
    })

    wire.cutAfter('commit')
    const error = await errorOf(cutOff.transaction((tx) => add(tx, 'a')))

    expect(error).toMatchObject({ name: 'TransientError', code: 'commit_unknown' })
    // Here the server got it and only its answer was lost: what the caller cannot know.
    expect(await eventually('it is there', () => counter(two, 'a'))).toBe(1)
  })

  it('is one of at most three that write and three that read', async () => {
    const { url, one } = await twoCopies()
    const writes = Array.from({ length: 20 }, () => add(one, 'a'))
    const reads = Array.from({ length: 60 }, () => one.get('select pg_sleep(0.01)'))

    await Promise.all([...writes, ...reads])

    expect((await sessions(url)).length).toBe(6)
  })

  it('has its statements, its waiting for locks and its idling in a transaction bounded by the server', async () => {
    // The last is what frees the locks of a process that is frozen, or whose host is gone.
    const { one } = await twoCopies()
    const settings = await one.all(
      `select name, setting from pg_settings
       where name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout') order by name`,
    )
    expect(settings).toEqual([
      { name: 'idle_in_transaction_session_timeout', setting: '15000' },
      { name: 'lock_timeout', setting: '10000' },
      { name: 'statement_timeout', setting: '30000' },
    ])
  })
})

describe('a round trip', () => {
  /** A database whose connections are made, behind a wire that counts. */
  async function farAway() {
    const { url } = await twoCopies()
    const wire = await startPostgresWire(url)
    const database = await openDatabase('far-away', '.data', wire.url)
    onTestFinished(async () => {
      await database.close()
      await wire.close()
    })
    await database.run(`insert into counters (id, value) values ('first', 0)`)
    await counter(database, 'first')
    const roundTrips = async (work: () => Promise<unknown>) => {
      const before = wire.roundTrips()
      await work()
      return wire.roundTrips() - before
    }
    return { database, roundTrips }
  }

  it('is paid for an answer only: what begins, locks and inserts leaves together', async () => {
    const { database, roundTrips } = await farAway()

    const spent = await roundTrips(() =>
      database.transaction(async (tx) => {
        await tx.lock(Array.from({ length: 64 }, (_, index) => `order-${index}`))
        for (let member = 0; member < 64; member++)
          await tx.run('insert into counters (id, value) values (?, ?)', `member-${member}`, member)
      }),
    )

    // begin and lock ride along; the commit is the one that is left.
    expect(spent).toBe(65)
  })

  it('is one for a hundred rows, however many statements insert them', async () => {
    const { database, roundTrips } = await farAway()
    const rows = Array.from({ length: 100 }, (_, index) => [`row-${index}`, index])

    const spent = await roundTrips(() => database.transaction((tx) => insert(tx, 'counters (id, value)', rows)))

    // And the commit.
    expect(spent).toBe(2)
  })

  it('is counted by the driver itself as the wire counts it', async () => {
    const { database, roundTrips } = await farAway()
    const before = database.spent.roundTrips

    const spent = await roundTrips(async () => {
      await database.transaction(async (tx) => {
        await tx.lock(['a', 'b'])
        await Promise.all([add(tx, 'a'), add(tx, 'b')])
        await counter(tx, 'a')
      })
      await counter(database, 'a')
      await database.transaction((tx) => tx.lock(['a']))
    })

    expect(spent).toBe(4)
    expect(database.spent.roundTrips - before).toBe(4)
  })

  it('is one for statements that do not wait for each other', async () => {
    const { database, roundTrips } = await farAway()

    const spent = await roundTrips(() =>
      database.transaction((tx) => Promise.all(['a', 'b', 'first', 'a', 'b'].map((id) => add(tx, id)))),
    )

    expect(spent).toBe(2)
  })
})

describe('a database', () => {
  it('that does not exist is created, under the name of its service', async () => {
    const { url, remove } = testDatabase()
    const database = await openDatabase('order-service', '.data', url)
    onTestFinished(async () => {
      await database.close()
      await remove()
    })
    expect(await database.get('select current_database() as name')).toEqual({ name: new URL(url).pathname.slice(1) })
    expect(await database.get('show server_encoding')).toEqual({ server_encoding: 'UTF8' })
  })

  it('that the role may not create is a clear error that says what to run', async () => {
    const { url, remove } = testDatabase()
    const database = await openDatabase('test', '.data', url)
    await database.run(`create role powerless login`)
    onTestFinished(async () => {
      await database.run('drop role powerless')
      await database.close()
      await remove()
    })
    const missing = new URL(url)
    missing.username = 'powerless'
    missing.pathname = '/not_there'

    const error = await errorOf(openDatabase('test', '.data', missing.toString()))

    expect(error).toMatchObject({ name: 'BrokenError', code: 'database_missing' })
    expect(error?.message).toContain('Run as an administrator: create database "not_there"')
  })

  it('keeps amounts that a number cannot hold exactly from being read as another one', async () => {
    const { one } = await twoCopies()
    await one.run(`update counters set value = 9007199254740993 where id = 'a'`)
    expect(await errorOf(counter(one, 'a'))).toMatchObject({ name: 'PermanentError', code: 'number_too_large' })
  })
})
