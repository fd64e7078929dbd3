// What the tree promises over every database: it follows the log, and whatever is done to either is found from a checkpoint that was
// kept outside.
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, insert } from '@orders/shared/storage'
import { scratchFolder } from '@orders/shared/testing'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import type { Block } from '../block.ts'
import { notesIn, openCheckpoint } from '../proof/checkpoint.ts'
import { isConsistent, isIncluded, type Tree } from '../proof/checks.ts'
import { type Outside, outsideAt } from '../proof/outside.ts'
import { tilesIn, treeHeadOf } from '../proof/store.ts'
import { consistencyRanges, EMPTY, grown, inclusionRanges, rootOf, rootsOf } from '../proof/tree.ts'
import { type Event, entriesOf, event, forged, type Keeping, openLog, sequenced, signer, verify } from './keeping.ts'
import type { Driver } from './log-suite.ts'

export function proofSuite(name: string, { open, unprotect }: Driver): void {
  describe(name, () => {
    let database: Database
    let log: Keeping

    async function opened(): Promise<Database> {
      const first = await open()
      onTestFinished(async () => {
        await first.database.close()
        await first.remove()
      })
      return first.database
    }

    beforeEach(async () => {
      database = await opened()
      log = await openLog(database)
    })

    const some = Array.from({ length: 700 }, (_, index) => event(`${index % 9}/e${index + 1}`, String(index % 9)))
    const leavesOf = (events: readonly Event[]) => entriesOf(events).map(({ hash }) => Buffer.from(hash, 'hex'))
    const treeOf = (events: readonly Event[]): Tree => ({
      size: events.length,
      root: rootOf(grown(EMPTY, leavesOf(events)).edge),
    })
    const signedIn = async (sql: Database) => openCheckpoint((await treeHeadOf(sql)).checkpoint ?? '', signer)
    const keepInGroups = async (keeping: Keeping, all: readonly Event[], size: number) => {
      for (let at = 0; at < all.length; at += size) await keeping.keep(...all.slice(at, at + size))
    }
    const keeping = (signed: Tree | undefined): Outside => ({
      newest: async () => signed,
      write: async () => undefined,
    })

    describe('the tree', () => {
      it('is signed when it is empty, and follows the log, however much comes at a time', async () => {
        expect(await sequenced(database)).toBeUndefined()
        expect(await signedIn(database)).toEqual(treeOf([]))
        const signed: Tree[] = []
        for (const [from, to, size] of [
          [0, 1, 1],
          [1, 255, 7],
          [255, 257, 1],
          [257, 700, 100],
        ] as const) {
          await keepInGroups(log, some.slice(from, to), size)
          expect(await sequenced(database)).toBeUndefined()
          const tree = await signedIn(database)
          expect(tree).toEqual(treeOf(some.slice(0, to)))
          if (tree) signed.push(tree)
        }
        const last = treeOf(some)
        for (const before of signed) {
          const proof = await rootsOf(consistencyRanges(before.size, last.size), tilesIn(database))
          expect(isConsistent(before, last, proof)).toBe(true)
        }
        for (const [index, leaf] of leavesOf(some).entries()) {
          if (index % 50 !== 0) continue
          const proof = await rootsOf(inclusionRanges(index, last.size), tilesIn(database))
          expect(isIncluded(leaf, index, last, proof)).toBe(true)
        }
        expect(await verify(database)).toEqual({ ok: true, events: 700 })
      })

      it('costs a few statements for all that has come, and a row for 256 entries', async () => {
        await sequenced(database)
        const cost = async (events: readonly Event[]) => {
          await log.keep(...events)
          const before = database.spent.statements
          await sequenced(database)
          return database.spent.statements - before
        }
        const forOne = await cost(some.slice(0, 1))
        expect(forOne).toBeLessThanOrEqual(8)
        expect(await cost(some.slice(1, 65))).toBeLessThanOrEqual(forOne + 1)
        expect(await cost(some.slice(65, 600))).toBeLessThanOrEqual(forOne + 3)
        const rows = await database.get<{ count: number }>('select count(*) as count from tree_nodes')
        expect(Number(rows?.count)).toBe(2)
      })

      it('lets everybody else have their turn while it follows a log that has got far ahead', async () => {
        await keepInGroups(
          log,
          Array.from({ length: 2_100 }, (_, index) => event(`${index}/far`, String(index))),
          1,
        )
        let turns = 0
        let isFollowing = true
        const turn = () => {
          turns += 1
          if (isFollowing) setImmediate(turn)
        }
        setImmediate(turn)
        await sequenced(database)
        isFollowing = false
        // One for each 512 blocks.
        expect(turns).toBeGreaterThanOrEqual(4)
        expect((await signedIn(database))?.size).toBe(2_100)
      })

      it('is one copy’s to sign: another waits until the first has been silent for ten seconds', async () => {
        const at = (seconds: number) => () => new Date(Date.parse('2030-01-01') + seconds * 1_000)
        await log.keep(...some.slice(0, 10))
        await sequenced(database, { now: at(0) })
        await log.keep(...some.slice(10, 20))
        await sequenced(database, { now: at(9) })
        expect((await signedIn(database))?.size).toBe(10)
        await sequenced(database, { now: at(11) })
        expect((await signedIn(database))?.size).toBe(20)
      })

      it('is right when copies look at the same moment', async () => {
        await keepInGroups(log, some, 60)
        await Promise.all([1, 2, 3].map(() => sequenced(database)))
        expect(await signedIn(database)).toEqual(treeOf(some))
        expect(await verify(database)).toMatchObject({ ok: true })
      })

      it('takes in what a copy of an earlier version still adds', async () => {
        await log.keep(...some.slice(0, 5))
        await sequenced(database)
        await log.keep(...some.slice(5, 8))
        const blocks = await database.all<Block>(
          'select first, dictionary, hashes, records from blocks where first = 6',
        )
        await unprotect(database)
        await database.run('delete from blocks where first = 6')
        // As that version does, with links for hashes.
        await insert(
          database,
          'blocks (first, dictionary, hashes, records)',
          blocks.map(({ first, dictionary, records }) => [first, dictionary, Buffer.alloc(3 * 32, 7), records]),
        )
        expect(await verify(database)).toEqual({ ok: true, events: 8 })
        expect(await sequenced(database)).toBeUndefined()
        expect(await signedIn(database)).toEqual(treeOf(some.slice(0, 8)))
        expect(await verify(database)).toEqual({ ok: true, events: 8 })
      })

      it.each(['update tree_nodes set number = number', 'delete from tree_nodes'])('refuses: %s', async (statement) => {
        await log.keep(...some.slice(0, 256))
        await sequenced(database)
        await expect(database.run(statement)).rejects.toThrow('are append-only')
      })
    })

    describe('checkpoints outside', () => {
      it('are appended to a file, each once, and the newest is found again', async () => {
        const folder = await scratchFolder()
        onTestFinished(() => folder.remove())
        const path = join(folder.path, 'checkpoints')
        for (const to of [1, 1, 3]) {
          await log.keep(...some.slice(0, to))
          await sequenced(database, { outside: outsideAt(path, signer) })
        }
        expect(notesIn(await readFile(path, 'utf8')).map((note) => openCheckpoint(note, signer)?.size)).toEqual([1, 3])
        expect(await outsideAt(path, signer).newest()).toEqual(treeOf(some.slice(0, 3)))
      })

      it('that cannot be written do not keep others from being written, and are written when that works again', async () => {
        const folder = await scratchFolder()
        onTestFinished(() => folder.remove())
        const [good, bad] = [join(folder.path, 'good'), join(folder.path, 'none', 'bad')]
        const outside = outsideAt(`${bad},${good}`, signer)
        await expect(outside.write('one')).rejects.toThrow('ENOENT')
        await expect(outside.write('one')).rejects.toThrow('ENOENT')
        expect((await stat(good)).size).toBe('one\n'.length)
      })
    })

    describe('what is done by whoever owns the database', () => {
      let kept: Tree | undefined

      beforeEach(async () => {
        await keepInGroups(log, some, 50)
        await sequenced(database)
        kept = await signedIn(database)
        await unprotect(database)
      })

      const forget = async () => {
        await database.run('delete from tree_nodes')
        await database.run('update tree_head set size = 0, checkpoint = null')
      }
      /** Another body in the place of one, with a leaf of its own, as somebody who knows the format would write it. */
      const changeOne = async () => {
        const block = await database.get<Block>(
          'select first, dictionary, hashes, records from blocks where first = 301',
        )
        const rows = await database.all<{ number: number; subject: string }>('select number, subject from subjects')
        const subjects = new Map(rows.map(({ number, subject }) => [number, subject]))
        const [liar] = entriesOf([event('3/e310', '3', 'order.created', { data: { n: 2 } })])
        const other =
          block &&
          forged(block, log.dictionary, subjects, (entry) =>
            entry.id === '3/e310' && liar ? { ...liar, sequence: entry.sequence } : entry,
          )
        if (!other) throw new Error('there is no block 301')
        await database.run('update blocks set records = ?, hashes = ? where first = 301', other.records, other.hashes)
      }

      it('a body that was changed together with its leaf is found by the nodes above it', async () => {
        await changeOne()
        expect(await verify(database)).toEqual({ ok: false, events: 256, brokenAt: 257, why: 'changed' })
      })

      it('the last rows deleted: found by the log’s own checkpoint, and by one that was kept', async () => {
        await database.run('delete from blocks where first > 600')
        expect(await verify(database)).toEqual({ ok: false, events: 600, brokenAt: 601, why: 'missing' })
        // The tree is made to fit: only what was kept outside can tell.
        await forget()
        expect(await sequenced(database)).toBeUndefined()
        expect(await verify(database)).toMatchObject({ ok: true })
        expect(await verify(database, kept)).toEqual({ ok: false, events: 600, brokenAt: 601, why: 'missing' })
      })

      it('everything written anew, and signed by the service itself: found by the checkpoint that was kept', async () => {
        await changeOne()
        await forget()
        expect(await sequenced(database)).toBeUndefined()
        expect(await verify(database)).toEqual({ ok: true, events: 700 })
        expect(await verify(database, kept)).toEqual({ ok: false, events: 699, brokenAt: 700, why: 'forked' })
      })

      it('a checkpoint that nobody has signed is found', async () => {
        await database.run(`update tree_head set checkpoint = replace(checkpoint, '700', '600')`)
        expect(await verify(database)).toMatchObject({ ok: false, why: 'unsigned' })
      })

      it('a node that was changed is found', async () => {
        await database.run('update tree_nodes set hash = ? where number = 1', Buffer.alloc(32))
        expect(await verify(database)).toEqual({ ok: false, events: 256, brokenAt: 257, why: 'changed' })
      })

      it('nothing is signed that does not continue what was kept outside', async () => {
        await database.run('delete from blocks where first > 600')
        await database.run('delete from places where sequence > 600')
        await forget()
        const outside = keeping(kept)
        expect(await sequenced(database, { outside })).toEqual({ brokenAt: 601, why: 'missing' })
        const other = Array.from({ length: 200 }, (_, index) => event(`x${index}`, 'x'))
        await (await openLog(database)).keep(...other)
        expect(await sequenced(database, { outside })).toEqual({ brokenAt: 700, why: 'forked' })
        expect(await signedIn(database)).toBeUndefined()
      })

      it('two histories, one for each of two people: either is found by what the other has kept', async () => {
        const another = await opened()
        const second = await openLog(another)
        await keepInGroups(second, [...some.slice(0, 500), event('lie', '1')], 50)
        await sequenced(another)
        const shown = await signedIn(another)
        expect(await verify(another)).toMatchObject({ ok: true })
        expect(await verify(database, shown)).toMatchObject({ ok: false, why: 'forked', brokenAt: 501 })
        expect(await verify(another, kept)).toMatchObject({ ok: false, why: 'missing', brokenAt: 502 })
      })
    })
  })
}
