// What the log promises over every database: each event once, with its bytes, and whatever is done to it is found.
import { hash as digest } from 'node:crypto'
import { type Database, insert, type Reader } from '@orders/shared/storage'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Block } from '../block.ts'
import { add, type Entry } from '../domain.ts'
import { linkOf } from '../earlier/chain.ts'
import { BODIES_MAX } from '../handlers.ts'
import { conflictsAmong, listEvents, newestConflicts } from '../reading/store.ts'
import { headOf } from '../store.ts'
import {
  decoded,
  type Event,
  entriesOf,
  event,
  forged,
  type Keeping,
  keepingWith,
  NOW,
  openEarlier,
  openLog,
  sequenced,
  verify,
} from './keeping.ts'

export interface Opened {
  database: Database
  again(): Database | Promise<Database>
  remove(): Promise<void>
}

export interface Driver {
  open(): Promise<Opened>
  /** Takes the triggers away, as somebody with the database, but without respect, would. */
  unprotect(database: Database): Promise<unknown>
  /** The driver's code of a primary key that is there already. */
  primaryKeyCode: string
}

/** Every table, with the first of its columns. */
const TABLES = {
  blocks: 'first',
  dictionaries: 'number',
  subjects: 'number',
  kinds: 'number',
  places: 'key',
}

/** The transactions of a process that dies in one of them. */
function mortal(database: Database, last: number): Database['transaction'] {
  let count = 0
  return (work) => {
    count += 1
    return database.transaction(async (tx) => {
      const result = await work(tx)
      if (count === last) throw new Error('died')
      return result
    })
  }
}

export function logSuite(name: string, { open, unprotect, primaryKeyCode }: Driver): void {
  describe(name, () => {
    let database: Database
    let again: () => Promise<Database>
    let log: Keeping

    /** A database of its own, and further connections to it; all are closed when the test ends. */
    async function opened() {
      const first = await open()
      const all = [first.database]
      onTestFinished(async () => {
        await Promise.all(all.map((one) => one.close()))
        await first.remove()
      })
      const more = async () => {
        const other = await first.again()
        all.push(other)
        return other
      }
      return { database: first.database, again: more }
    }
    const another = async () => (await opened()).database

    beforeEach(async () => {
      ;({ database, again } = await opened())
      log = await openLog(database)
    })

    const keep = (...group: Event[]) => log.keep(...group)
    const keepInGroups = async (all: Event[], size: number) => {
      for (let at = 0; at < all.length; at += size) await keep(...all.slice(at, at + size))
    }
    const allOf = async (sql: Reader) => (await listEvents(sql, { after: 0, limit: 10_000 })).entries
    const some = Array.from({ length: 1_000 }, (_, index) =>
      event(`${index % 10}/e${index + 1}`, String(index % 10), index % 100 === 7 ? 'order.paid' : 'order.created'),
    )

    describe('keeping', () => {
      it('an event once, however often it comes, in one group or in several', async () => {
        const [a, b, c] = [event('a'), event('b'), event('c')]
        await keep(a, b, a)
        await keep(b, c, c)
        await keep(a)
        expect(await allOf(database)).toEqual(entriesOf([a, b, c]))
        expect(await verify(database)).toMatchObject({ ok: true, events: 3 })
      })

      it('another body under the same source and id too, once, and marks it', async () => {
        const said = (n: number, more: object = {}) => event('a', '1', 'order.created', { data: { n }, ...more })
        await keep(said(1), said(2), said(1), said(2))
        await keep(said(1), said(2), said(3), said(3, { time: '2026-11-22T00:00:00Z' }))
        const all = await allOf(database)
        expect(all).toEqual(entriesOf([said(1), said(2), said(3)]))
        expect([...(await conflictsAmong(database, all))]).toEqual([2, 3])
        expect(await newestConflicts(database)).toEqual([3, 2])
        expect(await verify(database)).toMatchObject({ ok: true, events: 3 })
      })

      it('so many bodies under one source and id, and no more', async () => {
        const said = (n: number) => event('a', '1', 'order.created', { data: { n } })
        for (let n = 1; n <= BODIES_MAX; n++) await keep(said(n))
        await expect(keep(said(0))).rejects.toMatchObject({ name: 'PermanentError', code: 'too_many_conflicts' })
        await keep(said(BODIES_MAX))
        expect(await allOf(database)).toHaveLength(BODIES_MAX)
      })

      it('two sources may use the same id', async () => {
        const [a, b] = [event('a'), event('a', '1', 'order.created', { source: '/shop' })]
        await keep(a, b, a, b)
        expect(await allOf(database)).toEqual(entriesOf([a, b]))
        expect(await newestConflicts(database)).toEqual([])
      })

      it('events that share a key are told apart', async () => {
        // By the birthday paradox, some of these have the same eighteen bits.
        const all = Array.from({ length: 3_000 }, (_, index) => event(digest('sha1', String(index))))
        await keepInGroups(all, 500)
        await keepInGroups(all, 500)
        const { keys } = (await database.get<{ keys: number }>(
          'select count(distinct key) as keys from places where key > 0',
        )) ?? { keys: 0 }
        expect(keys).toBeLessThan(all.length)
        expect(await headOf(database)).toBe(3_000)
      })

      it('a group of many costs no more statements than its rows need', async () => {
        const statementsFor = async (count: number, from: number) => {
          const before = database.spent.statements
          await keep(...Array.from({ length: count }, (_, index) => event(`e${index}`, String(from))))
          return database.spent.statements - before
        }
        // What the log has read of a kind once, it remembers.
        await statementsFor(1, 10)
        await statementsFor(1, 20)
        const forOne = await statementsFor(1, 0)
        expect(forOne).toBeLessThanOrEqual(10)
        // A row for each event, and one for its kind, go in by 64.
        expect(await statementsFor(63, 1_000)).toBe(forOne)
        expect(await statementsFor(511, 2_000)).toBe(forOne + 7)
        expect(await headOf(database)).toBe(577)
      })

      it('does not let two writers continue the same entry', async () => {
        await keep(event('a'))
        const before = { head: await headOf(database) }
        await keep(event('b'))
        const late = { key: 'head', before, after: add(before, event('c'), NOW) }
        const error = await database
          .transaction((tx) => log.states.log.save(tx, [late]))
          .catch((thrown: unknown) => thrown)
        expect(error).toMatchObject({ code: primaryKeyCode })
        expect(await verify(database)).toMatchObject({ ok: true, events: 2 })
      })

      it('two copies of the service take turns', async () => {
        const other = keepingWith(await again(), log.dictionary)
        const groups = Array.from({ length: 20 }, (_, index) => some.slice(index * 10, index * 10 + 15))
        await Promise.all(groups.map((group, index) => (index % 2 === 0 ? log : other).keep(...group)))
        const entries = await allOf(database)
        expect(entries.map(({ id }) => id).sort()).toEqual(
          some
            .slice(0, 205)
            .map(({ id }) => id)
            .sort(),
        )
        expect(await verify(database)).toMatchObject({ ok: true, events: 205 })
      })

      it.each(
        Object.entries(TABLES).flatMap(([table, key]) => [
          `update ${table} set ${key} = ${key}`,
          `delete from ${table}`,
        ]),
      )('refuses: %s', async (statement) => {
        await keep(event('a'))
        await expect(database.run(statement)).rejects.toThrow('are append-only')
        expect(await verify(database)).toMatchObject({ ok: true, events: 1 })
      })
    })

    describe('the bytes', () => {
      const odd = [
        '{ "specversion":"1.0",\n\t"subject" : "1" ,"id":"a","type":"t","source":"/s","time":"2026-11-21T08:30:00Z" }\r\n',
        '{"time":"2026-11-21T09:30:00.000000000+01:00","specversion":"1.0","\\u0069d":"\\u0062","type":"t","source":"/s","subject":"\\u0031"}',
        '{"specversion":"1.0","id":"c","id":"c2","type":"t","source":"/s","subject":"1","time":"2026-11-21T08:30:00Z","data":1e400}',
        '{"specversion":"1.0","id":"d","type":"t","source":"/s","subject":"$&\'$1","time":"2026-11-21T08:30:00Z","data":"$&\'$1 $$ \\u0001 \\u001e"}',
        '{"specversion":"1.0","id":"e","type":"t","source":"/s","subject":"Käse 🧀","time":"2026-11-21T08:30:00Z","data":"🧀\u2028\u007f\ud7ff\ufffd Käse 🧀"}',
        '{"specversion":"1.0","id":"f","type":"t","source":"/s","subject":"\\\\","time":"2026-11-21T08:30:00Z","data":"\\\\\\\\\\n"}',
        `{"specversion":"1.0","id":"g","type":"t","source":"/s","subject":"aa","time":"2026-11-21T08:30:00Z","data":"${'a'.repeat(1_000_001)}"}`,
        '{"specversion":"1.0","id":"h","type":"t","source":"/s","subject":"\\"","time":"2026-11-21T08:30:00Z","data":{"__proto__":[],"toString":null}}',
      ]

      it('come back as they were, whoever else is in the block', async () => {
        const bodies = odd.map((body) => Buffer.from(body))
        const headers = [{}, { 'causation-id': '' }, { 'causation-id': '1\u0000\u001e\u001f\u0001"\\' }]
        const all = bodies.map((body, index) => decoded(body, headers[index % 3]))
        await keep(...all)
        const entries = await allOf(database)
        // `toEqual` looks at each byte of a buffer by itself.
        expect(entries.map(({ body }, index) => bodies[index]?.equals(Buffer.from(body)))).toEqual(
          bodies.map(() => true),
        )
        expect(entries).toEqual(entriesOf(all))
        expect(await verify(database)).toMatchObject({ ok: true, events: odd.length })
      })

      it('come back however many large ones a group has', async () => {
        const large = Array.from({ length: 6 }, (_, index) =>
          event(`e${index}`, '1', 't', { data: 'ä'.repeat(500_000) }),
        )
        await keep(...large)
        expect(await allOf(database)).toEqual(entriesOf(large))
        const causes = some
          .slice(0, 64)
          .map((one) => ({ ...one, data: { ...one.data, causationId: '"'.repeat(100_000) } }))
        await keep(...causes)
        expect(await verify(database)).toMatchObject({ ok: true, events: 70 })
      })

      it('come back from blocks that were packed with a dictionary of another version', async () => {
        await keep(...some.slice(0, 10))
        const later = await openLog(database, [].values())
        expect(later.dictionary.number).toBe(log.dictionary.number + 1)
        await later.keep(...some.slice(5, 20))
        expect((await openLog(database)).dictionary.number).toBe(log.dictionary.number)
        expect(await allOf(database)).toEqual(entriesOf(some.slice(0, 20)))
        expect(await verify(database)).toMatchObject({ ok: true, events: 20 })
      })
    })

    describe('searching', () => {
      const narrow = { blocksMax: 32, placesMax: 20, kindsMax: 1, lengthMax: 3_000 }
      const all = some
        .slice(0, 300)
        .map((one, index) => (index % 7 === 0 ? event(one.id, one.subject, one.type, { source: '/shop' }) : one))
      const filters = [
        {},
        { orderId: '3' },
        { type: 'order.paid' },
        { source: '/shop' },
        { orderId: '7', type: 'order.paid' },
        { type: 'order.created', source: '/order-service' },
        { orderId: '0', source: '/shop', after: 30, before: 251 },
        { after: 123, before: 234 },
        { orderId: 'nobody' },
        { type: 'order.teleported' },
      ]

      it.each([
        { what: 'as the service does', limits: undefined, size: 40, limit: 100 },
        { what: 'in small pages', limits: undefined, size: 40, limit: 7 },
        { what: 'among events that were kept one by one', limits: undefined, size: 1, limit: 50 },
        { what: 'with limits that are met at once', limits: narrow, size: 1, limit: 50 },
        {
          what: 'without anything that narrows the search',
          limits: { ...narrow, placesMax: 0, kindsMax: 0 },
          size: 3,
          limit: 50,
        },
      ])('finds what fits and no more, from either end: $what', async ({ limits, size, limit }) => {
        await keepInGroups(all, size)
        for (const filter of filters) {
          const { after = 0, before = 10_000, orderId, type, source } = filter
          const fits = entriesOf(all).filter(
            (entry) =>
              entry.sequence > after &&
              entry.sequence < before &&
              entry.subject === (orderId ?? entry.subject) &&
              entry.type === (type ?? entry.type) &&
              entry.source === (source ?? entry.source),
          )
          const found: Entry[] = []
          for (let next: number | null = after; next !== null; ) {
            const page = await listEvents(database, { ...filter, after: next, limit }, limits)
            found.push(...page.entries)
            next = page.next
          }
          expect(found).toEqual(fits)
          const newest: Entry[] = []
          for (let next: number | null = before; next !== null; ) {
            const page = await listEvents(
              database,
              { ...filter, after, before: next, newestFirst: true, limit },
              limits,
            )
            newest.push(...page.entries)
            next = page.next
          }
          expect(newest).toEqual(fits.toReversed())
        }
      })

      it('gives no more bodies at a time than an answer may have', async () => {
        await keep(...all.slice(0, 50))
        const { entries, next } = await listEvents(database, { after: 0, limit: 50 }, narrow)
        expect(entries).toEqual(entriesOf(all).slice(0, entries.length))
        expect([entries.length < 30, next]).toEqual([true, entries.length])
      })

      it('in vain costs no more in a log that is twice as long, and says where to go on', async () => {
        const blind = { ...narrow, placesMax: 0, kindsMax: 0 }
        const spent = async () => {
          const before = database.spent.statements
          const pages = [{ orderId: 'x' }, { source: '/shop' }, { orderId: 'x', source: '/shop', newestFirst: true }]
          for (const page of pages)
            expect(await listEvents(database, { after: 1, limit: 100, ...page }, blind)).toMatchObject({
              entries: [],
              next: expect.any(Number),
            })
          return database.spent.statements - before
        }
        await keep(event('x', 'x', 'order.created', { source: '/shop' }))
        await keepInGroups(some.slice(0, 100), 1)
        const short = await spent()
        await keepInGroups(some.slice(100, 200), 1)
        expect(await spent()).toBe(short)
      })
    })

    describe('the log of an earlier version', () => {
      /** It knew nothing of traces. */
      const all = some.slice(0, 600).map((one) => ({ ...one, data: { ...one.data, traceId: null } }))

      /** A row for each event, as they were kept; `undone` says what was done to them meanwhile. */
      async function earlier(...undone: string[]): Promise<Database> {
        const old = await another()
        await openEarlier(old)
        let link = '0'.repeat(64)
        const chained = entriesOf(all).map((entry) => {
          link = linkOf(link, entry)
          return { ...entry, hash: link }
        })
        const rows = chained.map((entry) => [
          entry.sequence,
          entry.id,
          entry.type,
          entry.subject,
          entry.source,
          entry.time,
          entry.receivedAt,
          entry.causationId,
          entry.body,
          entry.hash,
        ])
        await insert(
          old,
          'events (sequence, id, type, subject, source, time, received_at, causation_id, body, hash)',
          rows,
        )
        if (undone.length > 0) await unprotect(old)
        for (const statement of undone) await old.run(statement)
        return old
      }

      it('is moved when the service starts, holds, and goes on', async () => {
        const old = await earlier()
        const now = await openLog(old)
        expect(await sequenced(old)).toBeUndefined()
        expect(await allOf(old)).toEqual(entriesOf(all))
        await now.keep(...some.slice(590, 610))
        expect(await allOf(old)).toEqual(entriesOf([...all, ...some.slice(600, 610)]))
        expect(await verify(old)).toMatchObject({ ok: true, events: 610 })
        await expect(old.all('select * from events_before_blocks')).rejects.toThrow(/events_before_blocks/)
      })

      it('is moved to its end by whoever starts after one that died on the way, or at the same time', async () => {
        const old = await earlier()
        const died = openLog({ ...old, transaction: mortal(old, 4) })
        await expect(died).rejects.toThrow('died')
        expect(await headOf(old)).toBe(128)
        await Promise.all([openLog(old), openLog(old)])
        expect(await sequenced(old)).toBeUndefined()
        expect(await allOf(old)).toEqual(entriesOf(all))
        expect(await verify(old)).toMatchObject({ ok: true, events: 600 })
      })

      it.each([
        [`update events set body = replace(body, '"n":1', '"n":2') where sequence = 300`, 'changed', 300],
        [`update events set body = 'none' where sequence = 300`, 'changed', 300],
        [`update events set received_at = '2020' where sequence = 600`, 'changed', 600],
        [`update events set causation_id = 'x' where sequence = 1`, 'changed', 1],
        [`update events set hash = 'x' where sequence = 200`, 'changed', 200],
        [`update events set subject = 'x' where sequence = 100`, 'changed', 100],
        [`update events set type = 'x' where sequence = 100`, 'missing', 100],
        [`update events set id = 'x' where sequence = 100`, 'missing', 100],
        ['delete from events where sequence = 128', 'missing', 128],
        ['delete from events where sequence <= 256', 'missing', 1],
        [
          'delete from events where sequence = 3; update events set sequence = 1 - sequence where sequence > 3; update events set sequence = -sequence where sequence < 0',
          'changed',
          3,
        ],
      ] as const)('still tells what was done to it before: %s', async (done, why, brokenAt) => {
        const old = await earlier(...done.split('; '))
        await openLog(old)
        await sequenced(old)
        expect(await verify(old)).toEqual({ ok: false, events: brokenAt - 1, brokenAt, why })
      })
    })

    describe('what is done to it', () => {
      beforeEach(async () => {
        await keepInGroups(some, 50)
        expect(await sequenced(database)).toBeUndefined()
        expect(await verify(database)).toEqual({ ok: true, events: 1_000 })
        await unprotect(database)
      })

      /** Packs a block again, as somebody who knows the format would. */
      const forge =
        (first: number, change: (entry: Entry) => Entry | undefined, withHashes = true) =>
        async () => {
          const block = await database.get<Block>('select * from blocks where first = ?', first)
          const rows = await database.all<{ number: number; subject: string }>('select number, subject from subjects')
          const subjects = new Map(rows.map(({ number, subject }) => [number, subject]))
          const other = block && forged(block, log.dictionary, subjects, change)
          if (!other) throw new Error(`there is no block ${first}`)
          const hashes = withHashes ? other.hashes : block.hashes
          await database.run('update blocks set records = ?, hashes = ? where first = ?', other.records, hashes, first)
        }
      const only = (sequence: number, change: Partial<Entry>) => (entry: Entry) =>
        entry.sequence === sequence ? { ...entry, ...change } : entry
      const without = (sequence: number) => (entry: Entry) => (entry.sequence === sequence ? undefined : entry)
      const statements =
        (...all: [string, ...(number | string | Buffer)[]][]) =>
        async () => {
          for (const [statement, ...values] of all) await database.run(statement, ...values)
        }
      const body = JSON.stringify({
        specversion: '1.0',
        id: '9/e600',
        type: 'order.created',
        subject: '9',
        source: '/order-service',
        time: '2026-11-21T08:30:00.000Z',
        data: { n: 2 },
      })
      const [liar] = entriesOf(some.slice(0, 1))

      it.each<[string, () => Promise<unknown>, 'changed' | 'missing', number]>([
        ['another body', forge(551, only(600, { body })), 'changed', 600],
        ['another time of arrival', forge(951, only(1_000, { receivedAt: '2020' })), 'changed', 1_000],
        ['another cause', forge(1, only(1, { causationId: 'x' })), 'changed', 1],
        ['another trace', forge(1, only(1, { traceId: null })), 'changed', 1],
        ['a body that is none', forge(1, only(2, { body: '{' })), 'changed', 2],
        ['another hash', forge(1, only(3, { hash: '0'.repeat(64) })), 'changed', 3],
        [
          'another entry, with a hash of its own',
          forge(51, (entry) => (entry.sequence === 51 && liar ? { ...liar, sequence: 51 } : entry)),
          'missing',
          51,
        ],
        ['an entry taken out of its block', forge(451, without(500)), 'missing', 500],
        ['an entry taken out, and its hash left', forge(451, without(500), false), 'changed', 500],
        [
          'other bytes',
          statements(['update blocks set records = ? where first = 101', Buffer.from('none')]),
          'changed',
          101,
        ],
        ['no bytes', statements(['update blocks set records = ? where first = 101', Buffer.alloc(0)]), 'changed', 101],
        ['a block taken out', statements(['delete from blocks where first = 501']), 'missing', 501],
        [
          'a block taken out, and the others moved up',
          statements(
            ['delete from blocks where first = 101'],
            ['update blocks set first = first - 50 where first > 101'],
          ),
          'changed',
          101,
        ],
        ['another subject', statements([`update subjects set subject = 'x' where subject = '5'`]), 'changed', 6],
        ['no subject', statements([`delete from subjects where subject = '5'`]), 'changed', 6],
        ['another type', statements([`update kinds set type = 'order.lost' where type = 'order.paid'`]), 'missing', 8],
        [
          'an event that its order does not find',
          statements(['delete from places where key > 0 and sequence = 77']),
          'missing',
          77,
        ],
        [
          'a block that its type does not find',
          statements(['delete from places where key = -8 and sequence = 101']),
          'missing',
          108,
        ],
        ['another dictionary', statements(['update dictionaries set bytes = ?', Buffer.alloc(9_000)]), 'changed', 1],
        ['no dictionary', statements(['delete from dictionaries']), 'changed', 1],
      ])('is found: %s', async (_, change, why, brokenAt) => {
        await change()
        expect(await verify(database)).toEqual({ ok: false, events: brokenAt - 1, brokenAt, why })
      })

      it('is found, and a single bit is enough', async () => {
        const block = await database.get<Block>('select * from blocks where first = 51')
        for (const part of ['records', 'hashes'] as const)
          for (let at = 0; at < 40; at++) {
            const changed = Buffer.from(block?.[part] ?? '')
            const place = Math.floor((at / 40) * changed.length)
            changed[place] = (changed[place] ?? 0) ^ (1 << (at % 8))
            await database.run(`update blocks set ${part} = ? where first = 51`, changed)
            expect(await verify(database)).toMatchObject({ ok: false })
            await database.run(`update blocks set ${part} = ? where first = 51`, block?.[part] ?? null)
          }
        expect(await verify(database)).toMatchObject({ ok: true })
      })
    })
  })
}
