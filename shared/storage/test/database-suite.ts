// What every driver must do: the promises of `Database`, one test each. A driver's own test file calls `databaseSuite`.
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { deferred } from '../../runtime/deferred.ts'
import { type Database, insert as insertAll, type Sql, type Transaction, type Value } from '../index.ts'

/** One database, empty and of its own for each test; `again` opens a second connection to the same one. */
export interface OpenedDatabase {
  database: Database
  again(): Database | Promise<Database>
  /** Called when the databases are closed. */
  remove(): Promise<void>
}

interface Driver {
  open(): Promise<OpenedDatabase>
  /** The type of a column of bytes. */
  bytes: string
  /** The driver's own codes of a broken constraint. */
  codes: { primaryKey: string; notNull: string; check: string; foreignKey: string }
}

export function databaseSuite(name: string, { open, bytes, codes }: Driver): void {
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

    it('of whose statements one fails is told that one’s failure, not what follows from it for the others', async () => {
      await insert(database, 'a')
      // As a group does that saves: all are sent at once, and some failures come by a longer way than others.
      const byALongWay = async (sql: Sql) => {
        await Promise.all([Promise.all([insert(sql, 'a')])])
      }
      const work = database.transaction((tx) => Promise.all([byALongWay(tx), insert(tx, 'b')]))
      expect(await codeOf(work)).toBe(codes.primaryKey)
      expect(await ids(database)).toEqual(['a'])
    })

    it('takes no statement once it has ended, and so none that belongs to another', async () => {
      let ended: Sql | undefined
      await database.transaction(async (tx) => {
        ended = tx
        await insert(tx, 'a')
      })
      const other = database.transaction(async (tx) => {
        await insert(tx, 'b')
        await expect(insert(ended ?? tx, 'stray')).rejects.toMatchObject({ code: 'transaction_lost' })
      })
      await other
      expect(await ids(database)).toEqual(['a', 'b'])
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

    describe('many rows in one call', () => {
      const rowsOf = (count: number): Value[][] =>
        Array.from({ length: count }, (_, index) => [`row-${String(index).padStart(3, '0')}`, index, `the ${index}th`])
      const all = (sql: Sql) =>
        sql.all<{ id: string; cents: number; note: string }>('select * from accounts order by id')
      const asRows = (rows: Value[][]) => rows.map(([id, cents, note]) => ({ id, cents, note }))
      const inserted = (rows: Value[][], then?: string) =>
        database.transaction((tx) => insertAll<{ id: string; cents: number }>(tx, INTO, rows, then))
      const INTO = 'accounts (id, cents, note)'

      it.each([0, 1, 3, 64, 100])('%i: each is there once, with its own values', async (count) => {
        expect(await inserted(rowsOf(count))).toEqual([])
        expect(await all(database)).toEqual(asRows(rowsOf(count)))
      })

      it.each([0, 1, 3, 64, 100])('%i: what is asked of each row is given back', async (count) => {
        const returned = await inserted(rowsOf(count), 'returning id, cents')
        const wanted = rowsOf(count).map(([id, cents]) => ({ id, cents }))
        expect(returned.toSorted((one, other) => one.cents - other.cents)).toEqual(wanted)
      })

      it('in few statements, of few texts, so that few are prepared', async () => {
        const texts = new Set<string>()
        const counted = async (count: number) => {
          let statements = 0
          const tx = {
            all: async () => [],
            async run(text: string) {
              texts.add(text)
              statements += 1
              return 0
            },
          }
          await insertAll(tx, INTO, rowsOf(count))
          return statements
        }
        expect(await Promise.all([0, 1, 2, 64, 128, 256].map(counted))).toEqual([0, 1, 1, 1, 2, 4])
        for (let count = 0; count < 200; count++) expect(await counted(count)).toBeLessThan(10)
        expect(texts.size).toBe(7)
      })

      it.each([1, 3, 64, 100])('%i: those that are there are brought up to date, the others added', async (count) => {
        const rows = rowsOf(count)
        await inserted(rows.filter((_, index) => index % 2 === 0))
        const changed = rows.map(([id = null, cents]) => [id, Number(cents) + 1_000, 'changed'])
        const then = 'on conflict (id) do update set cents = excluded.cents, note = excluded.note returning id, cents'
        expect(await inserted(changed, then)).toHaveLength(count)
        expect(await all(database)).toEqual(asRows(changed))
      })

      it.each([1, 3, 64, 100])('%i: those that are there are left as they are, and not given back', async (count) => {
        const rows = rowsOf(count)
        const known = rows.filter((_, index) => index % 2 === 0)
        await inserted(known)
        const again = rows.map(([id = null]) => [id, 9, 'again'])
        const returned = await inserted(again, 'on conflict (id) do nothing returning id, cents')
        expect(returned.map(({ id }) => id).sort()).toEqual(
          rows.filter((row) => !known.includes(row)).map(([id]) => id),
        )
        expect((await all(database)).filter(({ note }) => note !== 'again')).toEqual(asRows(known))
      })

      it('those that are there are left as they are, when nothing is to be given back as well', async () => {
        await inserted(rowsOf(3))
        expect(await inserted(rowsOf(5), 'on conflict (id) do nothing')).toEqual([])
        expect(await all(database)).toEqual(asRows(rowsOf(5)))
      })

      it('all or none: one that breaks a constraint costs the transaction', async () => {
        const rows = rowsOf(100).map((row, index) => (index === 99 ? ['bad', -1, null] : row))
        expect(await codeOf(inserted(rows))).toBe(codes.check)
        expect(await all(database)).toEqual([])
      })
    })

    describe('many keys in one statement', () => {
      const found = async (keys: readonly (string | number)[], column = 'id', sql: Pick<Sql, 'all'> = database) =>
        (await sql.all<{ id: string }>(`select id from accounts where ${column} in each(?) order by id`, keys)).map(
          ({ id }) => id,
        )
      /** What a list of texts could take for its own marks, or for no value at all. */
      const TEXTS = [
        ...[
          '',
          ' ',
          ',',
          'a,b',
          '"',
          '""',
          'a"b',
          "it's",
          "''",
          '\\',
          '\\"',
          'a\\',
          '{',
          '}',
          '{}',
          '{a,b}',
          '[1]',
          '[]',
          '?',
        ],
        ...['null', 'NULL', 'Null', '"null"', 'undefined', 'true', '0', '1', '1.0', '$1', '-- x', 'a\nb', 'a\tb', '\r'],
        ...['Grüße', '世界', '🌍', 'é', 'e\u0301', '\u2028', '%', '_', 'in each(?)'],
      ]

      it('finds those it names, and no others: none, one, many, unknown, and one that is named twice', async () => {
        for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) await insert(database, id, index)
        expect(await found([])).toEqual([])
        expect(await found(['b'])).toEqual(['b'])
        expect(await found(['unknown'])).toEqual([])
        expect(await found(['c', 'a', 'unknown', 'a'])).toEqual(['a', 'c'])
        expect(await found(['a', ...Array.from({ length: 5_000 }, (_, index) => `other-${index}`)])).toEqual(['a'])
      })

      it.each(TEXTS.map((text) => [JSON.stringify(text), text]))(
        'finds the text %s, and only that',
        async (_, text) => {
          await database.transaction((tx) =>
            insertAll(
              tx,
              'accounts (id, cents)',
              TEXTS.map((id) => [id, 0]),
            ),
          )
          expect(await found([text])).toEqual([text])
          expect(await found([`${text} `, `x${text}`].filter((other) => !TEXTS.includes(other)))).toEqual([])
          const others = TEXTS.filter((other) => other !== text)
          expect((await found(others)).toSorted()).toEqual(others.toSorted())
        },
      )

      it('finds amounts as well, to the cent', async () => {
        const amounts = [0, 1, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]
        for (const [index, cents] of amounts.entries()) await insert(database, String(index), cents)
        expect(await found(amounts, 'cents')).toEqual(['0', '1', '2', '3', '4'])
        expect(await found([Number.MAX_SAFE_INTEGER, 7], 'cents')).toEqual(['4'])
        expect(await found([], 'cents')).toEqual([])
      })

      it('stands beside other values, and in changes too', async () => {
        for (const [index, id] of ['a', 'b', 'c', 'd'].entries()) await insert(database, id, index)
        const text = 'update accounts set note = ? where id in each(?) and cents > ?'
        expect(await database.run(text, 'changed', ['a', 'b', 'c'], 0)).toBe(2)
        expect(await database.run('delete from accounts where cents in each(?)', [0, 3])).toBe(2)
        expect(await database.all('select id, note from accounts order by id')).toEqual([
          { id: 'b', note: 'changed' },
          { id: 'c', note: 'changed' },
        ])
      })

      it('sees what its transaction has written', async () => {
        await database.transaction(async (tx) => {
          await insert(tx, 'a')
          expect(await found(['a', 'b'], 'id', tx)).toEqual(['a'])
        })
      })
    })

    it('keeps bytes byte by byte', async () => {
      await database.run(`create table bodies (id text primary key, body ${bytes})`)
      const bodies = [
        Buffer.alloc(0),
        Buffer.from([0]),
        Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
        Buffer.from('\\x00 {"a":"🌍"}'),
        Buffer.alloc(100_000, 0xff),
      ]
      await database.transaction((tx) =>
        insertAll(tx, 'bodies (id, body)', [...bodies.map((body, index) => [String(index), body]), ['none', null]]),
      )
      const kept = await database.all<{ body: Buffer | null }>('select body from bodies order by id')
      expect(kept.map(({ body }) => body && Buffer.isBuffer(body))).toEqual([true, true, true, true, true, null])
      expect(kept.map(({ body }) => body?.toString('hex'))).toEqual([
        ...bodies.map((body) => body.toString('hex')),
        undefined,
      ])
      for (const [index, body] of bodies.entries())
        expect(await database.all('select id from bodies where body = ?', body)).toEqual([{ id: String(index) }])
    })

    it('is locked twice in one transaction, or for no key, without waiting for itself', async () => {
      await database.transaction(async (tx) => {
        await tx.lock(['a', 'b', 'a'])
        await tx.lock([])
        await insert(tx, 'a')
        await tx.lock(['b', 'c'])
        await insert(tx, 'b')
      })
      // And what was locked is free again.
      await database.transaction(async (tx) => {
        await tx.lock(['a', 'b', 'c'])
        await insert(tx, 'c')
      })
      expect(await ids(database)).toEqual(['a', 'b', 'c'])
    })

    it('lets as many write at one time as it says, and no more', async () => {
      const { writersMax } = database
      let inside = 0
      let most = 0
      const gate = deferred()
      const all = Array.from({ length: writersMax + 3 }, (_, index) =>
        database.transaction(async (tx) => {
          inside += 1
          most = Math.max(most, inside)
          await insert(tx, String(index))
          if (inside === writersMax) gate.resolve()
          await gate.promise
          await ids(tx)
          inside -= 1
        }),
      )
      await Promise.all(all)
      expect(most).toBe(writersMax)
      expect(await ids(database)).toHaveLength(writersMax + 3)
    })

    it('counts what it was asked: every statement, begin and commit included', async () => {
      const before = { ...database.spent }
      const work = async (tx: Transaction) => {
        await insert(tx, 'a')
        await ids(tx)
      }
      await database.transaction(work)
      expect(database.spent.statements - before.statements).toBe(4)
      await ids(database)
      expect(database.spent.statements - before.statements).toBe(5)
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
