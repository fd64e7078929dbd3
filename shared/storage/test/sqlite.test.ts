// SQLite: the suite for every driver, and what only SQLite does.
import { spawn } from 'node:child_process'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import { scratchFolder } from '../../testing/index.ts'
import { openDatabase, openSqlite, type Sql, sqliteOver } from '../index.ts'
import { databaseSuite } from './database-suite.ts'

databaseSuite('SQLite', {
  async open() {
    const folder = await scratchFolder()
    const path = join(folder.path, 'new', 'folder', 'test.db')
    return { database: openSqlite(path), again: () => openSqlite(path), remove: folder.remove }
  },
  bytes: 'blob',
  codes: {
    primaryKey: 'SQLITE_CONSTRAINT_PRIMARYKEY',
    notNull: 'SQLITE_CONSTRAINT_NOTNULL',
    check: 'SQLITE_CONSTRAINT_CHECK',
    foreignKey: 'SQLITE_CONSTRAINT_FOREIGNKEY',
  },
})

async function scratchDatabase() {
  const folder = await scratchFolder()
  const path = join(folder.path, 'test.db')
  const database = openSqlite(path)
  await database.run('create table counter (id integer primary key, value integer not null)')
  await database.run('insert into counter (id, value) values (1, 0)')
  onTestFinished(async () => {
    await database.close()
    await folder.remove()
  })
  return { database, path }
}

/** A conflict that SQLite answers by rolling the whole transaction back, as it answers a full disk. */
const ROLLED_BACK = 'insert or rollback into counter (id, value) values (1, 9)'

describe('a transaction that SQLite rolled back by itself', () => {
  it('takes no further statement, and says why, so that no half of it is saved', async () => {
    const { database } = await scratchDatabase()

    const work = database.transaction(async (tx) => {
      await tx.run('insert into counter (id, value) values (2, 0)')
      await expect(tx.run(ROLLED_BACK)).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
      const why = { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' }
      await expect(tx.run('insert into counter (id, value) values (3, 0)')).rejects.toMatchObject(why)
      await expect(tx.all('select id from counter')).rejects.toMatchObject(why)
    })

    await expect(work).rejects.toThrow()
    expect(await database.all('select id, value from counter')).toEqual([{ id: 1, value: 0 }])
  })
})

describe('a disk that is full', () => {
  it('is what all are told whose statements were sent together', async () => {
    const { path } = await scratchDatabase()
    const writer = new Sqlite(path)
    const database = sqliteOver(writer, new Sqlite(path))
    writer.pragma('max_page_count = 4')
    const filling = async (tx: Sql) => {
      await Promise.all(
        Array.from({ length: 5_000 }, (_, id) => tx.run('insert into counter (id, value) values (?, 0)', id + 2)),
      )
    }
    const work = database.transaction((tx) => Promise.all([filling(tx), tx.run('update counter set value = 1')]))
    await expect(work).rejects.toMatchObject({ code: 'disk_full', isOutage: true })
    await database.close()
  })

  it('is an outage, which costs the whole transaction and ends by itself', async () => {
    const { path } = await scratchDatabase()
    const writer = new Sqlite(path)
    const database = sqliteOver(writer, new Sqlite(path))
    const fill = (tx: Sql, id: number) => tx.run('insert into counter (id, value) values (?, 0)', id)
    const filled = async (tx: Sql) => {
      for (let id = 2; id < 5_000; id++) await fill(tx, id)
    }
    const free = Number(writer.pragma('max_page_count', { simple: true }))
    writer.pragma('max_page_count = 4')

    const failed = database.transaction(filled)
    await expect(failed).rejects.toMatchObject({ code: 'disk_full', isOutage: true, cause: { code: 'SQLITE_FULL' } })
    expect(await database.all('select id from counter')).toEqual([{ id: 1 }])

    writer.pragma(`max_page_count = ${free}`)
    await database.transaction(filled)
    expect(await database.get('select count(*) as count from counter')).toEqual({ count: 4_999 })
    await database.close()
  })

  it('or fails, is an outage too', async () => {
    const { path } = await scratchDatabase()
    const writer = new Sqlite(path)
    const database = sqliteOver(writer, new Sqlite(path))
    writer.function('fail', () => {
      throw Object.assign(new Error('disk I/O error'), { code: 'SQLITE_IOERR_FSYNC' })
    })
    const work = database.transaction((tx) => tx.get('select fail() as failed'))
    await expect(work).rejects.toMatchObject({ code: 'disk_failed', isOutage: true })
    await database.close()
  })
})

describe('a SQLite file', () => {
  it('waits for the disk at every commit, and lets readers read while it is written', async () => {
    const { database } = await scratchDatabase()
    // 2 is FULL: a commit survives the loss of power (https://sqlite.org/pragma.html#pragma_synchronous).
    const pragmas = await database.transaction(async (tx) => [
      await tx.get('pragma synchronous'),
      await tx.get('pragma journal_mode'),
      await tx.get('pragma foreign_keys'),
    ])
    expect(pragmas).toEqual([{ synchronous: 2 }, { journal_mode: 'wal' }, { foreign_keys: 1 }])
  })

  it('is shared by several processes without SQLITE_BUSY, and none of their changes is lost', async () => {
    const { database, path } = await scratchDatabase()
    const script = `
      import { openSqlite } from ${JSON.stringify(join(import.meta.dirname, '..', 'sqlite.ts'))}
      const database = openSqlite(${JSON.stringify(path)})
      for (let turn = 0; turn < 100; turn++)
        await database.transaction(async (tx) => {
          const { value } = await tx.get('select value from counter where id = 1')
          // A moment in which another process would write, if it could.
          await new Promise((resolve) => setTimeout(resolve, 1))
          await tx.run('update counter set value = ? where id = 1', value + 1)
        })
      await database.close()`
    const processes = Array.from({ length: 3 }, () => {
      const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script])
      let said = ''
      child.stderr.on('data', (chunk) => {
        said += chunk
      })
      return new Promise<{ code: number | null; said: string }>((ended) =>
        child.once('close', (code) => ended({ code, said })),
      )
    })

    expect(await Promise.all(processes)).toEqual(Array(3).fill({ code: 0, said: '' }))
    expect(await database.get('select value from counter where id = 1')).toEqual({ value: 300 })
  }, 30_000)
})

describe('the log of a SQLite file', () => {
  const MB = 1_000_000

  it('grows while somebody reads for long, and is small again with the first group after that', async () => {
    const { database, path } = await scratchDatabase()
    await database.run('create table bodies (body blob not null)')
    const reader = new Sqlite(path)
    onTestFinished(() => void reader.close())
    reader.exec('begin')
    reader.prepare('select * from counter').all()
    const body = Buffer.alloc(MB)
    for (let megabytes = 0; megabytes < 40; megabytes++)
      await database.run('insert into bodies (body) values (?)', body)
    expect(database.walBytes()).toBeGreaterThan(40 * MB)
    expect(reader.prepare('select value from counter').all()).toEqual([{ value: 0 }])

    reader.exec('commit')
    await database.run('update counter set value = 1')

    expect(database.walBytes()).toBeLessThan(20 * MB)
    expect(statSync(`${path}-wal`).size).toBe(database.walBytes())
    expect(await database.get('select count(*) as bodies from bodies')).toEqual({ bodies: 40 })
    expect(await database.get('select value from counter')).toEqual({ value: 1 })
  })

  it('is emptied after the group that is under way, and not while another process reads', async () => {
    const { database, path } = await scratchDatabase()
    const rest = deferred()
    const group = database.transaction(async (tx) => {
      await tx.run('update counter set value = 7')
      await rest.promise
    })
    const emptied = database.emptyWal()
    // Whoever holds up the event loop never lets the group go on.
    setImmediate(rest.resolve)
    await group
    expect(await emptied).toBe(true)
    expect(database.walBytes()).toBe(0)

    await database.run('update counter set value = 8')
    const reader = new Sqlite(path)
    onTestFinished(() => void reader.close())
    reader.exec('begin')
    reader.prepare('select * from counter').all()
    await database.run('update counter set value = 9')
    expect(await database.emptyWal()).toBe(false)
    reader.exec('commit')
    expect(await database.emptyWal()).toBe(true)
  })

  it('stays small when nobody does', async () => {
    const { database } = await scratchDatabase()
    for (let turn = 0; turn < 2_000; turn++) await database.run('update counter set value = value + 1')
    expect(database.walBytes()).toBeGreaterThan(0)
    expect(database.walBytes()).toBeLessThan(6 * MB)
  })

  it('is none where the database is in memory only', async () => {
    const connection = new Sqlite(':memory:')
    const database = sqliteOver(connection, connection)
    expect(database.walBytes()).toBe(0)
    await database.close()
  })
})

describe('openDatabase', () => {
  it('opens a file of the service’s own in the data folder', async () => {
    const folder = await scratchFolder()
    const database = await openDatabase('order-service', folder.path)
    await database.run('create table t (id integer)')
    const other = openSqlite(join(folder.path, 'order-service.db'))
    expect(await other.all('select id from t')).toEqual([])
    await Promise.all([database.close(), other.close()])
    await folder.remove()
  })

  it('refuses a URL it has no driver for, without repeating its password', async () => {
    const refusal = await openDatabase('order-service', '.data', 'mysql://u:secret@host/db').catch(
      (error: Error) => error,
    )
    expect(refusal).toMatchObject({ name: 'BrokenError', code: 'database_unsupported' })
    expect(String(refusal)).not.toContain('secret')
  })
})

describe('the patience with another process that holds the write lock', () => {
  it('does not end because the clock is set forward', async () => {
    const { database, path } = await scratchDatabase()
    const other = new Sqlite(path)
    other.exec('begin immediate')
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())

    const work = database.run('update counter set value = 1')
    // By now it has asked for the lock once.
    await new Promise((turn) => setImmediate(turn))
    vi.setSystemTime(Date.now() + 3_600_000)
    setTimeout(() => other.close(), 150)

    expect(await work).toBe(1)
  })

  it('is one for all who stand in line, not another one for each of them', async () => {
    const { database, path } = await scratchDatabase()
    const other = new Sqlite(path)
    onTestFinished(() => void other.close())
    other.exec('begin immediate')
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())

    const line = [1, 2, 3].map((value) => database.run('update counter set value = ?', value))
    vi.advanceTimersByTime(10_001)

    const outcomes = await Promise.allSettled(line)
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual([
      'database_locked',
      'database_locked',
      'database_locked',
    ])
  })
})
