// Rows whose time is over, on any database: they go, and nothing else does, whoever is at work beside.
import { describe, expect, it, onTestFinished } from 'vitest'
import { about, type Work } from '../../commit/work.ts'
import { NOW, notes, type TestKernel } from '../../handling/test/kernel.ts'
import { keptOf } from '../../retries/kept.ts'
import { addTasks } from '../../retries/retries.ts'
import { insert } from '../../storage/index.ts'
import { sweepsOf } from '../store.ts'
import { type Sweeper, startSweeper } from '../sweeper.ts'
import type { Aged, Tables } from '../tables.ts'

const DAY_MS = 86_400_000
const daysAgo = (days: number) => new Date(Date.parse(NOW) - days * DAY_MS).toISOString()

const rule: Aged = { days: 'keepDays', key: 'id', since: 'at', ended: `status = 'ended'`, isSubject: true }
const tables = (own: Partial<Aged> = {}): Tables => ({
  things: { rebuilt: 'derived', kept: { ...rule, ...own } },
  parts: { rebuilt: 'derived', kept: { with: 'things' } },
})

interface Own {
  kernel?: TestKernel
  tables?: Tables
  days?: string
  removedBy?: (service: string, keys: readonly string[]) => Promise<readonly string[]>
}

export function sweeperSuite(dialect: string, open: () => Promise<TestKernel>): void {
  async function opened(): Promise<TestKernel> {
    const kernel = await open()
    await kernel.database.run('create table things (id text primary key, status text not null, at text not null)')
    await kernel.database.run('create table parts (name text primary key, thing text not null)')
    return kernel
  }

  function sweeper({ database, log, now }: TestKernel, own: Own = {}): Sweeper {
    const started = startSweeper({
      ...{ database, log, now, pauseMs: 0, freePages: 0 },
      tables: own.tables ?? tables(),
      settings: { keepDays: own.days ?? '60' },
      removedBy: own.removedBy ?? (async (_, keys) => keys),
    })
    onTestFinished(started.close)
    return started
  }

  const put = ({ database }: TestKernel, ...rows: [id: string, status: string, days: number][]) =>
    insert(
      database,
      'things (id, status, at)',
      rows.map(([id, status, days]) => [id, status, daysAgo(days)]),
    )
  const left = async ({ database }: TestKernel) =>
    (await database.all<{ id: string }>('select id from things order by id')).map(({ id }) => id)

  describe(`${dialect}: rows whose time is over`, () => {
    it('go when they have ended and are older than that, with what belongs to them, and no others', async () => {
      const kernel = await opened()
      await put(kernel, ['old', 'ended', 61], ['open', 'open', 900], ['young', 'ended', 59])
      await insert(kernel.database, 'parts (name, thing)', [
        ['one', 'old'],
        ['other', 'young'],
      ])
      await sweeper(kernel, { tables: tables({ also: [{ table: 'parts', column: 'thing' }] }) }).now()
      expect(await left(kernel)).toEqual(['open', 'young'])
      expect(await kernel.database.all('select name from parts')).toEqual([{ name: 'other' }])
      expect(await sweepsOf(kernel.database)).toMatchObject([{ name: 'things', removed: 1, oldest: daysAgo(900) }])
      expect(kernel.lines).toContainEqual(expect.objectContaining({ removed: { things: 1 } }))
    })

    it('stay for ever where the setting says so', async () => {
      const kernel = await opened()
      await put(kernel, ['old', 'ended', 9_000])
      await sweeper(kernel, { days: 'forever' }).now()
      expect(await left(kernel)).toEqual(['old'])
    })

    it('are looked for once a day', async () => {
      const kernel = await opened()
      const one = sweeper(kernel)
      await one.now()
      await put(kernel, ['old', 'ended', 61])
      await one.now()
      expect(await left(kernel)).toEqual(['old'])
      kernel.pass(DAY_MS)
      await one.now()
      expect(await left(kernel)).toEqual([])
    })

    it('stay while a message about them waits to be handled again', async () => {
      const kernel = await opened()
      await put(kernel, ['owed', 'ended', 61], ['paid', 'ended', 61])
      const properties = { messageId: 'owed/refund', correlationId: 'owed', headers: {} }
      const task = keptOf('test.queue', { exchange: '', routingKey: '', body: Buffer.from('{}'), properties }, NOW)
      await kernel.database.transaction((tx) => addTasks(tx, [task]))
      await sweeper(kernel).now()
      expect(await left(kernel)).toEqual(['owed'])
    })

    it('go only when the service that decides has removed them, and stay while it does not answer', async () => {
      const kernel = await opened()
      await put(kernel, ['gone-there', 'ended', 61], ['kept-there', 'ended', 61])
      let isThere = false
      const removedBy = async (service: string, keys: readonly string[]) => {
        expect(service).toBe('leader')
        if (!isThere) throw new Error('no answer')
        return keys.filter((key) => key === 'gone-there')
      }
      const one = sweeper(kernel, { tables: tables({ after: 'leader' }), removedBy })
      await one.now()
      expect(await left(kernel)).toEqual(['gone-there', 'kept-there'])
      isThere = true
      await one.now()
      expect(await left(kernel)).toEqual(['kept-there'])
    })

    it('of many pages all go, and copies that begin at once remove each once', async () => {
      const kernel = await opened()
      const rows = Array.from({ length: 900 }, (_, index) => index)
      await put(
        kernel,
        ...rows.map((index): [string, string, number] => [`${index}`, index % 3 ? 'ended' : 'open', 61]),
      )
      const copies = [sweeper(kernel), sweeper(kernel), sweeper(kernel)]
      await Promise.all(copies.map((copy) => copy.now()))
      expect(await left(kernel)).toHaveLength(300)
      expect(await sweepsOf(kernel.database)).toMatchObject([{ removed: 600 }])
    })

    it('are removed by the next copy, where the one before it has died', async () => {
      const kernel = await opened()
      await put(kernel, ['old', 'ended', 61])
      await kernel.database.run(
        `insert into sweeps (name, holder, held_until, begun_at, ended_at, position, removed, oldest)
         values ('things', 'dead', ?, ?, null, '', 7, null)`,
        new Date(Date.parse(NOW) + 60_000).toISOString(),
        NOW,
      )
      const one = sweeper(kernel)
      await one.now()
      expect(await left(kernel)).toEqual(['old'])
      kernel.pass(61_000)
      await one.now()
      expect(await left(kernel)).toEqual([])
      expect(await sweepsOf(kernel.database)).toMatchObject([{ removed: 8 }])
    })

    it('are left to the copy that has taken the table over meanwhile', async () => {
      const kernel = await opened()
      await put(kernel, ['old', 'ended', 61])
      const one = sweeper(kernel, {
        tables: tables({ after: 'leader' }),
        async removedBy(_, keys) {
          await kernel.database.run(`update sweeps set holder = 'other'`)
          return keys
        },
      })
      await one.now()
      expect(await left(kernel)).toEqual(['old'])
      expect(await sweepsOf(kernel.database)).toMatchObject([{ removed: 0, endedAt: null }])
    })

    it('that a group has changed meanwhile stay', async () => {
      const kernel = await opened()
      await kernel.database.run(`insert into effects (id, note) values ('one', 'ended'), ('two', 'ended')`)
      const own: Tables = {
        effects: {
          rebuilt: 'derived',
          kept: { days: 'keepDays', key: 'id', ended: `note = 'ended'`, state: notes, after: 'leader' },
        },
      }
      const again: Work<void> = about(notes, 'one', () => ({ state: 'begun again', messages: [], result: undefined }))
      const one = sweeper(kernel, {
        tables: own,
        // Between the look and the removal.
        async removedBy(_, keys) {
          await kernel.commit.submit(again)
          return keys
        },
      })
      await one.now()
      expect(await kernel.database.all('select id, note from effects')).toEqual([{ id: 'one', note: 'begun again' }])
    })

    it('are removed in part only as far as it is said, when the service stops', async () => {
      const kernel = await opened()
      const rows = Array.from({ length: 600 }, (_, index) => index)
      await put(kernel, ...rows.map((index): [string, string, number] => [`${1_000 + index}`, 'ended', 61]))
      let steps = 0
      const stopping: Sweeper = sweeper(kernel, {
        tables: tables({ after: 'leader' }),
        async removedBy(_, keys) {
          steps += 1
          if (steps === 2) void stopping.close()
          return keys
        },
      })
      await stopping.now()
      await stopping.close()
      const [sweep] = await sweepsOf(kernel.database)
      expect(await left(kernel)).toHaveLength(600 - (sweep?.removed ?? 0))
      expect(sweep).toMatchObject({ endedAt: null })
      await sweeper(kernel).now()
      expect(await left(kernel)).toEqual([])
      expect(await sweepsOf(kernel.database)).toMatchObject([{ removed: 600 }])
    })
  })
}
