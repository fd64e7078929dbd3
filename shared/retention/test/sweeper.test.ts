// Rows whose time is over, over SQLite; and that its file becomes smaller by them.
import { statSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { expect, it, onTestFinished } from 'vitest'
import { openKernel } from '../../handling/test/kernel.ts'
import { convertSqlite, type Database, openSqlite } from '../../storage/index.ts'
import { scratchFolder } from '../../testing/index.ts'
import { sweeperSuite } from './sweeper-suite.ts'

sweeperSuite('SQLite', openKernel)

const MB = 1_024 * 1_024

async function grown(database: Database): Promise<void> {
  await database.run('create table things (id integer primary key, text text not null)')
  await database.transaction(async (tx) => {
    for (let row = 0; row < 4_000; row++) await tx.run('insert into things (text) values (?)', 'x'.repeat(1_000))
  })
  await database.run('delete from things where id > 100')
}

const checkpoint = (database: Database) => database.all('pragma wal_checkpoint(truncate)')

it('a file gives back what is free in it, a few pages at a time, but for what is to be kept free', async () => {
  const folder = await scratchFolder()
  onTestFinished(folder.remove)
  const path = join(folder.path, 'test.db')
  const database = openSqlite(path)
  await grown(database)
  expect(await database.giveBack(64, 0)).toBe(64)
  while ((await database.giveBack(64, 200)) > 0);
  await checkpoint(database)
  expect(await database.get('pragma freelist_count')).toEqual({ freelist_count: 200 })
  expect(statSync(path).size).toBeLessThan(1.2 * MB)
  await database.close()
})

it('a file of an earlier version gives nothing back until it is converted, and has the same in it then', async () => {
  const folder = await scratchFolder()
  onTestFinished(folder.remove)
  const path = join(folder.path, 'test.db')
  // As earlier versions made it.
  const earlier = new Sqlite(path)
  earlier.pragma('journal_mode = WAL')
  earlier.exec('create table first (id integer primary key)')
  earlier.close()
  const before = openSqlite(path)
  await grown(before)
  expect(await before.giveBack(64, 0)).toBe(0)
  await before.close()
  convertSqlite(path)
  expect(statSync(path).size).toBeLessThan(MB)
  const after = openSqlite(path)
  expect(await after.get('select count(*) as count from things')).toEqual({ count: 100 })
  await after.run('delete from things where id > 10')
  expect(await after.giveBack(4, 0)).toBe(4)
  await after.close()
})
