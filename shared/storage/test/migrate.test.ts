// Migrations: each once, in order, whole or not at all.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { scratchFolder } from '../../testing/index.ts'
import { migrate, openSqlite } from '../index.ts'

async function scratch(files: Record<string, string>) {
  const folder = await scratchFolder()
  const path = join(folder.path, 'test.db')
  const migrations = join(folder.path, 'migrations')
  await mkdir(migrations)
  const write = async (more: Record<string, string>) => {
    for (const [name, text] of Object.entries(more)) await writeFile(join(migrations, name), text)
  }
  await write(files)
  const database = openSqlite(path)
  onTestFinished(async () => {
    await database.close()
    await folder.remove()
  })
  const tables = async () => {
    const rows = await database.all<{ name: string }>(
      "select name from sqlite_master where type = 'table' order by name",
    )
    return rows.map(({ name }) => name).filter((name) => name !== 'migrations')
  }
  return { database, migrations, write, tables, path, folder: folder.path }
}

describe('migrate', () => {
  it('applies new files in the order of their numbers, each once', async () => {
    const { database, migrations, write, tables } = await scratch({
      '002-second.sql': 'alter table one add column name text',
      '001-first.sql': 'create table one (id integer)',
      'README.md': 'not a migration',
    })

    expect(await migrate(database, [migrations])).toEqual(['001-first.sql', '002-second.sql'])
    expect(await migrate(database, [migrations])).toEqual([])
    await write({ '003-third.sql': 'create table three (id integer)' })
    expect(await migrate(database, [migrations])).toEqual(['003-third.sql'])

    expect(await tables()).toEqual(['one', 'three'])
  })

  it('runs every statement of a file', async () => {
    const text =
      '-- why\ncreate table one (id integer)\n--\ncreate table two (id integer)\n--\ninsert into two values (7)\n'
    const { database, migrations, tables } = await scratch({ '001-first.sql': text })

    await migrate(database, [migrations])

    expect(await tables()).toEqual(['one', 'two'])
    expect(await database.all('select id from two')).toEqual([{ id: 7 }])
  })

  it('runs a dialect’s section only there', async () => {
    const text = [
      '-- sqlite\ncreate table for_sqlite (id integer)',
      '-- postgres\ncreate table for_postgres (id bigint generated always as identity)',
      'create table for_both (id integer)',
    ]
    const { database, migrations, tables } = await scratch({ '001-first.sql': text.join('\n--\n') })

    await migrate(database, [migrations])

    expect(await tables()).toEqual(['for_both', 'for_sqlite'])
  })

  it('refuses a file that was edited after it ran, and changes nothing', async () => {
    const { database, migrations, write, tables } = await scratch({ '001-first.sql': 'create table one (id integer)' })
    await migrate(database, [migrations])
    await write({ '001-first.sql': 'create table one (id text)', '002-second.sql': 'create table two (id integer)' })

    await expect(migrate(database, [migrations])).rejects.toMatchObject({
      name: 'BrokenError',
      code: 'migration_changed',
      message: 'migration 001-first.sql was edited after it ran; add a new one instead',
    })
    expect(await tables()).toEqual(['one'])
  })

  it('leaves nothing of a migration that fails half way, nor of those before it in the same run', async () => {
    const { database, migrations, write, tables } = await scratch({
      '001-first.sql': 'create table one (id integer)',
      '002-second.sql': 'create table two (id integer)\n--\ncreate table two (id integer)',
    })

    await expect(migrate(database, [migrations])).rejects.toThrow('table two already exists')
    expect(await tables()).toEqual([])

    await write({ '002-second.sql': 'create table two (id integer)' })
    expect(await migrate(database, [migrations])).toEqual(['001-first.sql', '002-second.sql'])
  })

  it('takes several folders, in their order', async () => {
    const { database, migrations, folder, tables } = await scratch({ '001-first.sql': 'create table one (id integer)' })
    const others = join(folder, 'others')
    await mkdir(others)
    await writeFile(join(others, '000-zero.sql'), 'create table zero (id integer)')

    expect(await migrate(database, [others, migrations])).toEqual(['000-zero.sql', '001-first.sql'])
    expect(await tables()).toEqual(['one', 'zero'])
  })

  it('is safe when several copies start at once', async () => {
    const { database, migrations, path } = await scratch({ '001-first.sql': 'create table one (id integer)' })
    const copies = [database, openSqlite(path), openSqlite(path)]

    const applied = await Promise.all(copies.map((copy) => migrate(copy, [migrations])))

    expect(applied.flat()).toEqual(['001-first.sql'])
    await Promise.all(copies.slice(1).map((copy) => copy.close()))
  })

  it('waits for another process that holds the database for longer than a lock is waited for, and says so', async () => {
    const { database, migrations, path } = await scratch({ '001-first.sql': 'create table one (id integer)' })
    const other = new Sqlite(path)
    other.exec('begin immediate')
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    // The clock runs, whenever the migration may look at it.
    const running = setInterval(() => vi.advanceTimersByTime(1_000), 1)
    onTestFinished(() => clearInterval(running))
    let waited = 0

    const applied = await migrate(database, [migrations], () => {
      waited += 1
      if (waited === 2) other.close()
    })

    expect(applied).toEqual(['001-first.sql'])
    expect(waited).toBe(2)
  })
})
