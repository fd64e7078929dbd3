// What every driver must do: the promises of `Database`, one test each. A driver's own test file calls `databaseSuite`.
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import type { Database, Sql } from '../database.ts'

/** One database, empty and of its own for each test; `again` opens a second connection to the same one. */
export interface OpenedDatabase {
  database: Database
  again(): Database | Promise<Database>
  /** Called when the databases are closed. */
  remove(): Promise<void>
}

interface Driver {
  open(): Promise<OpenedDatabase>
  /** The driver's own codes of a broken constraint. */
  codes: { primaryKey: string; notNull: string; check: string; foreignKey: string }
}

export function databaseSuite(name: string, { open, codes }: Driver): void {
  describe(name, () => {
    let database: Database
    let again: () => Promise<Database>

    beforeEach(async () => {
      const opened = await open()
      const all = [opened.database]
      database = opened.database
      again = async () => {
        const other = await opened.again()
        all.push(other)
        return other
      }
      await database.run(
        'create table accounts (id text primary key, cents bigint not null check (cents >= 0), note text)',
      )
      onTestFinished(async () => {
        await Promise.all(all.map((one) => one.close()))
        await opened.remove()
      })
    })

    const insert = (sql: Sql, id: string, cents = 0) =>
      sql.run('insert into accounts (id, cents) values (?, ?)', id, cents)
    const ids = async (sql: Sql) =>
      (await sql.all<{ id: string }>('select id from accounts order by id')).map(({ id }) => id)
    const codeOf = (work: Promise<unknown>) =>
      work.then(
        () => 'no error',
        (error: { code?: string }) => error.code,
      )

    it('commits when the work resolves, and gives its result', async () => {
      const result = await database.transaction(async (tx) => {
        await insert(tx, 'a')
        return 'done'
      })
      expect(result).toBe('done')
      expect(await ids(database)).toEqual(['a'])
      expect(await ids(await again())).toEqual(['a'])
    })

    it('rolls everything back when the work rejects, with its own error', async () => {
      const error = new Error('no')
      const work = database.transaction(async (tx) => {
        await insert(tx, 'a')
        throw error
      })
      await expect(work).rejects.toBe(error)
      expect(await ids(database)).toEqual([])
    })

    it('rolls back when a statement fails, and goes on with the next transaction', async () => {
      await expect(database.transaction((tx) => tx.run('insert into nowhere values (1)'))).rejects.toThrow()
      await database.transaction((tx) => insert(tx, 'b'))
      expect(await ids(database)).toEqual(['b'])
    })

    it('undoes only the savepoint that fails', async () => {
      const verdicts: string[] = []
      await database.transaction(async (tx) => {
        for (const id of ['a', 'bad', 'c']) {
          const work = async () => {
            await insert(tx, id)
            if (id === 'bad') throw new Error('bad')
          }
          await tx.savepoint(work).then(
            () => verdicts.push('kept'),
            (error: Error) => verdicts.push(error.message),
          )
        }
      })
      expect(verdicts).toEqual(['kept', 'bad', 'kept'])
      expect(await ids(database)).toEqual(['a', 'c'])
    })

    it('goes on after a statement failed inside a savepoint', async () => {
      await database.transaction(async (tx) => {
        await insert(tx, 'a')
        await expect(tx.savepoint(() => insert(tx, 'a'))).rejects.toMatchObject({ code: codes.primaryKey })
        await insert(tx, 'b')
      })
      expect(await ids(database)).toEqual(['a', 'b'])
    })

    it('gives the result of a savepoint', async () => {
      expect(await database.transaction((tx) => tx.savepoint(async () => 7))).toBe(7)
    })

    it('undoes kept savepoints with their transaction', async () => {
      const work = database.transaction(async (tx) => {
        await tx.savepoint(() => insert(tx, 'a'))
        throw new Error('no')
      })
      await expect(work).rejects.toThrow('no')
      expect(await ids(database)).toEqual([])
    })

    it('shows a transaction its own changes, and nobody else, before the commit', async () => {
      const written = deferred()
      const gate = deferred()
      const other = await again()
      const work = database.transaction(async (tx) => {
        await insert(tx, 'a')
        expect(await ids(tx)).toEqual(['a'])
        written.resolve()
        await gate.promise
      })
      await written.promise
      // Resolves although a writer is in the middle of its transaction: reads never wait for it.
      expect(await Promise.all([ids(database), ids(other)])).toEqual([[], []])
      gate.resolve()
      await work
      expect(await Promise.all([ids(database), ids(other)])).toEqual([['a'], ['a']])
    })

    it('lets concurrent changes of one row follow each other: none fails and none is lost', async () => {
      await insert(database, 'a', 0)
      const increments = Array.from({ length: 40 }, () =>
        database.transaction(async (tx) => {
          await tx.run('update accounts set cents = cents + 1 where id = ?', 'a')
          await new Promise((turn) => setImmediate(turn))
          const row = await tx.get<{ cents: number }>('select cents from accounts where id = ?', 'a')
          return row?.cents
        }),
      )
      const seen = await Promise.all(increments)
      expect(seen.toSorted((one, other) => Number(one) - Number(other))).toEqual(
        Array.from({ length: 40 }, (_, at) => at + 1),
      )
      expect(await database.get('select cents from accounts')).toEqual({ cents: 40 })
    })

    it('takes a single statement as a transaction of its own', async () => {
      expect(await insert(database, 'a', 5)).toBe(1)
      expect(await ids(await again())).toEqual(['a'])
    })

    it('tells how many rows a statement changed', async () => {
      for (const id of ['a', 'b', 'c']) await insert(database, id, 1)
      expect(await database.run("update accounts set cents = 2 where id <> 'a'")).toBe(2)
      expect(await database.run("delete from accounts where id = 'nobody'")).toBe(0)
      const again = 'insert into accounts (id, cents) values (?, ?) on conflict do nothing'
      expect(await database.run(again, 'a', 9)).toBe(0)
    })

    it('gives rows as plain objects, one row, or none', async () => {
      await insert(database, 'a', 1)
      await insert(database, 'b', 2)
      expect(await database.all('select id, cents, note from accounts order by id')).toEqual([
        { id: 'a', cents: 1, note: null },
        { id: 'b', cents: 2, note: null },
      ])
      expect(await database.get('select id from accounts order by id desc')).toEqual({ id: 'b' })
      expect(await database.get('select id from accounts where cents > 5')).toBeUndefined()
    })

    it('gives back what a change returns', async () => {
      const row = await database.transaction((tx) =>
        tx.get('insert into accounts (id, cents) values (?, ?) returning id, cents', 'a', 3),
      )
      expect(row).toEqual({ id: 'a', cents: 3 })
    })

    it('keeps every text as it was', async () => {
      const texts = [
        '',
        "it's",
        'Grüße, 世界 🌍',
        '"; drop table accounts; --',
        'a\nb\tc\\',
        'é vs é',
        '?',
        '$1 :name @x',
      ]
      for (const [index, text] of texts.entries()) {
        await insert(database, String(index))
        await database.run('update accounts set note = ? where id = ?', text, String(index))
      }
      const rows = await database.all<{ note: string }>('select note from accounts order by id')
      expect(rows.map(({ note }) => note)).toEqual(texts)
      expect(await database.get('select id from accounts where note = ?', texts[2] ?? '')).toEqual({ id: '2' })
    })

    it.each([0, 1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER])(
      'keeps the amount %i to the cent, as a number',
      async (cents) => {
        await insert(database, 'a', cents)
        expect(await database.get('select cents from accounts')).toEqual({ cents })
        expect(await database.get('select id from accounts where cents = ?', cents)).toEqual({ id: 'a' })
      },
    )

    it('adds up to a number', async () => {
      await insert(database, 'a', Number.MAX_SAFE_INTEGER - 1)
      await insert(database, 'b', 1)
      const row = await database.get('select sum(cents) as total, count(*) as rows from accounts')
      expect(row).toEqual({ total: Number.MAX_SAFE_INTEGER, rows: 2 })
    })

    it('names a broken constraint by its code', async () => {
      await database.run('create table owners (account text not null references accounts (id))')
      await insert(database, 'a', 0)
      expect(await codeOf(insert(database, 'a', 0))).toBe(codes.primaryKey)
      expect(await codeOf(insert(database, 'b', -1))).toBe(codes.check)
      expect(await codeOf(database.run('insert into accounts (id, cents) values (?, ?)', 'b', null))).toBe(
        codes.notNull,
      )
      expect(await codeOf(database.run('insert into owners (account) values (?)', 'nobody'))).toBe(codes.foreignKey)
      expect(await ids(database)).toEqual(['a'])
    })

    it('refuses statements after close, and finishes those before it', async () => {
      const { database: other, remove } = await open()
      await other.run('create table t (id integer)')
      const inserting = other.run('insert into t (id) values (1)')
      await other.close()
      expect(await inserting).toBe(1)
      await expect(other.all('select id from t')).rejects.toThrow()
      await expect(other.run('insert into t (id) values (2)')).rejects.toThrow()
      await remove()
    })
  })
}
