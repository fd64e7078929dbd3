// Old months leave the log as files, over every database: nothing is lost wherever it is interrupted, and all that is left still verifies.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { HeldRecord } from '@orders/shared/runtime'
import type { Database, Transaction } from '@orders/shared/storage'
import { keepingLog, scratchFolder } from '@orders/shared/testing'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { startArchiver } from '../archive/archiver.ts'
import { bringBack } from '../archive/bring-back.ts'
import { openArchive } from '../archive/file.ts'
import { readWhole } from '../archive/files.ts'
import { heldInArchives } from '../archive/held.ts'
import { followLog } from '../overdue/follow.ts'
import { openCheckpoint } from '../proof/checkpoint.ts'
import { isConsistent, isIncluded } from '../proof/checks.ts'
import { leafHashOf } from '../proof/leaf.ts'
import { tilesIn, treeHeadOf } from '../proof/store.ts'
import { consistencyRanges, inclusionRanges, rootsOf } from '../proof/tree.ts'
import { archivesOf, filesAbout } from '../reading/archives/store.ts'
import { entriesBetween } from '../reading/store.ts'
import { histories } from '../repair/store.ts'
import { event, type Keeping, openLog, sequenced, signer, verify } from './keeping.ts'
import type { Driver } from './log-suite.ts'

const JANUARY = '2025-01-15T12:00:00.000Z'
const FEBRUARY = '2025-02-15T12:00:00.000Z'
const NOVEMBER = '2026-11-20T12:00:00.000Z'
const FILES = ['audit-2025-01-000000000001.archive', 'audit-2025-02-000000000301.archive']

export function archiveSuite(name: string, { open }: Pick<Driver, 'open'>): void {
  describe(`${name}: old months of the log`, () => {
    let database: Database
    let log: Keeping
    let folder: string
    let now: Date

    beforeEach(async () => {
      const opened = await open()
      const scratch = await scratchFolder()
      onTestFinished(async () => {
        await opened.database.close()
        await opened.remove()
        await scratch.remove()
      })
      database = opened.database
      folder = scratch.path
      now = new Date('2026-11-21T09:00:00.000Z')
      log = await openLog(database)
    })

    const said = (index: number, type = 'test.said') => event(`${index % 9}/${type}/${index}`, String(index % 9), type)
    const many = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => said(from + index))

    async function followed(): Promise<void> {
      expect(await sequenced(database)).toBeUndefined()
      const { log: silent } = await keepingLog()
      const following = followLog({ database, log: silent, now: () => now, gapAfterMs: 60_000 })
      await following.now()
      await following.close()
    }

    /** 300 entries in January, 300 in February, 100 now. */
    async function filled(): Promise<void> {
      for (let at = 0; at < 300; at += 50) await log.keepAt(JANUARY, ...many(at, at + 50))
      for (let at = 300; at < 600; at += 50) await log.keepAt(FEBRUARY, ...many(at, at + 50))
      await log.keepAt(NOVEMBER, ...many(600, 700))
      await followed()
    }

    async function archive(on: Database = database, days = 400) {
      const { log: kept, lines } = await keepingLog()
      const archiver = startArchiver({
        ...{ database: on, verifier: signer, log: kept, now: () => now, pauseMs: 0 },
        keep: { days, folder },
      })
      await archiver.now()
      await archiver.close()
      return lines
    }

    const bodies = async () =>
      (await database.all<{ first: number }>('select first from blocks where length(records) > 0 order by first'))
        .length
    const files = async () => (await readdir(folder)).sort()

    it('leave as files that verify by themselves; what is left verifies, and is proved, as before', async () => {
      await filled()
      const before = await entriesBetween(database, 1, 700)
      const checkpoint = openCheckpoint((await treeHeadOf(database)).checkpoint ?? '', signer)
      await archive()

      expect(await files()).toEqual(FILES)
      expect(await archivesOf(database)).toMatchObject([
        { first: 1, last: 300, file: FILES[0] },
        { first: 301, last: 600, file: FILES[1] },
      ])
      const kept = await Promise.all(FILES.map(async (file) => readWhole(join(folder, file), signer)))
      expect(kept.flatMap(({ entries }) => entries)).toEqual(
        before
          .slice(0, 600)
          .map(({ receivedAt, causationId, body, traceId }) => ({ receivedAt, causationId, body, traceId })),
      )
      expect(await bodies()).toBe(1)
      expect(await entriesBetween(database, 1, 700)).toEqual(before.slice(600))

      expect(await verify(database, checkpoint)).toEqual({ ok: true, events: 700 })
      await log.keepAt(NOVEMBER, ...many(700, 800))
      expect(await sequenced(database)).toBeUndefined()
      const tree = openCheckpoint((await treeHeadOf(database)).checkpoint ?? '', signer)
      if (!tree || !checkpoint) throw new Error('nothing is signed')
      const consistency = await rootsOf(consistencyRanges(700, 800), tilesIn(database))
      expect(isConsistent(checkpoint, tree, consistency)).toBe(true)
      const [last] = await entriesBetween(database, 750, 750)
      if (!last) throw new Error('it is gone')
      const inclusion = await rootsOf(inclusionRanges(749, 800), tilesIn(database))
      expect(isIncluded(leafHashOf(last), 749, tree, inclusion)).toBe(true)
      expect(await verify(database, checkpoint)).toEqual({ ok: true, events: 800 })
    })

    it('stay while they are not older than that', async () => {
      await filled()
      await archive(database, 900)
      expect(await files()).toEqual([])
      expect(await bodies()).toBe(13)
    })

    it('stay from the first event of an order on that has not ended', async () => {
      await log.keepAt(JANUARY, ...many(0, 300))
      await log.keepAt(FEBRUARY, event('open/order.created', 'open', 'order.created', { data: {} }))
      await log.keepAt(FEBRUARY, ...many(300, 400))
      await log.keepAt(NOVEMBER, ...many(400, 500))
      await followed()
      const lines = await archive()
      expect(await files()).toEqual([FILES[0]])
      expect(lines).toContainEqual(expect.objectContaining({ orderId: 'open' }))
      expect(await entriesBetween(database, 301, 401)).toHaveLength(101)
    })

    it('are refused as a file of which a single byte was changed', async () => {
      await log.keepAt(JANUARY, ...many(0, 3))
      await log.keepAt(NOVEMBER, ...many(3, 5))
      await followed()
      await archive()
      const bytes = await readFile(join(folder, FILES[0] ?? ''))
      expect(openArchive(bytes, signer).entries).toHaveLength(3)
      const accepted: number[] = []
      for (const place of bytes.keys())
        for (const bit of [1, 32]) {
          const changed = Buffer.from(bytes)
          changed[place] = (changed[place] ?? 0) ^ bit
          if (isOpened(changed)) accepted.push(place)
        }
      // The last character of the signature has bits that no signature covers.
      const end = bytes.indexOf('=\\n","sha256"') - 1
      for (let value = 0; value < 256; value++) {
        const changed = Buffer.from(bytes)
        changed[end] = value
        if (value !== bytes[end] && isOpened(changed)) accepted.push(end)
      }
      expect(end).toBeGreaterThan(0)
      expect(accepted).toEqual([])
      expect(isOpened(bytes.subarray(0, -1))).toBe(false)
    })

    function isOpened(bytes: Buffer): boolean {
      try {
        openArchive(bytes, signer)
        return true
      } catch {
        return false
      }
    }

    /** The first statement with this text fails, as if the process had died at it. */
    function dyingAt(text: string): Database {
      let isDead = false
      const run =
        (tx: Transaction): Transaction['run'] =>
        (sql, ...values) => {
          if (!isDead && sql.includes(text)) {
            isDead = true
            throw new Error('killed')
          }
          return tx.run(sql, ...values)
        }
      return { ...database, transaction: (work) => database.transaction((tx) => work({ ...tx, run: run(tx) })) }
    }

    it.each(['insert into archives', 'update blocks set records'])(
      'come whole through a death at: %s',
      async (text) => {
        await filled()
        const before = await entriesBetween(database, 1, 600)
        const lines = await archive(dyingAt(text))
        expect(lines).toContainEqual(expect.objectContaining({ msg: expect.stringContaining('cannot be archived') }))
        expect(await entriesBetween(database, 1, 600)).toEqual(before)
        expect(await verify(database)).toEqual({ ok: true, events: 700 })
        await rm(join(folder, `${FILES[1]}.coming`), { force: true })
        now = new Date(now.getTime() + 600_000)
        await archive()
        expect(await bodies()).toBe(1)
        const kept = await Promise.all(FILES.map(async (file) => readWhole(join(folder, file), signer)))
        expect(kept.flatMap(({ entries }) => entries.map(({ body }) => body))).toEqual(before.map(({ body }) => body))
        expect(await verify(database)).toEqual({ ok: true, events: 700 })
      },
    )

    it('keep their bodies while the file on the disk is not the one that was written', async () => {
      await filled()
      await archive(dyingAt('update blocks set records'))
      const path = join(folder, FILES[0] ?? '')
      const bytes = await readFile(path)
      await writeFile(path, Buffer.concat([bytes.subarray(0, -1), Buffer.from([(bytes.at(-1) ?? 0) ^ 1])]))
      now = new Date(now.getTime() + 600_000)
      const lines = await archive()
      expect(JSON.stringify(lines)).toContain('archive_broken')
      expect(await bodies()).toBe(13)
    })

    it('come back as they were, stay for as long as is said, and leave again', async () => {
      await filled()
      const before = await entriesBetween(database, 1, 700)
      await archive()
      const [first] = await archivesOf(database)
      if (!first) throw new Error('nothing is archived')
      const read = await readWhole(join(folder, first.file), signer, first.sha256)
      const until = new Date(now.getTime() + 86_400_000).toISOString()
      expect(await bringBack(database, first, read, until)).toBe(300)
      expect(await entriesBetween(database, 1, 300)).toEqual(before.slice(0, 300))
      expect(await verify(database)).toEqual({ ok: true, events: 700 })
      now = new Date(now.getTime() + 600_000)
      await archive()
      expect(await entriesBetween(database, 1, 300)).toHaveLength(300)
      now = new Date(now.getTime() + 86_400_000)
      await archive()
      expect(await entriesBetween(database, 1, 300)).toEqual([])
      expect(await verify(database)).toEqual({ ok: true, events: 700 })
    })

    it('are named to whoever is told the log from its beginning, and told once they are back', async () => {
      await filled()
      await archive()
      const key = JSON.stringify({ subject: 0, sequence: 0 })
      const asked = async () => (await histories.load(database, [key])).get(key)
      expect(await asked()).toMatchObject({ entries: [], archived: FILES })
      expect(await filesAbout(database, '1')).toEqual(FILES)
      const until = new Date(now.getTime() + 86_400_000).toISOString()
      for (const one of await archivesOf(database))
        await bringBack(database, one, await readWhole(join(folder, one.file), signer), until)
      expect((await asked())?.archived).toBeUndefined()
      expect((await asked())?.entries).toHaveLength(700)
      expect(await filesAbout(database, '1')).toEqual([])
    })

    it('are given out from their files to whom they are about; a file that cannot be read is named', async () => {
      await filled()
      const before = await entriesBetween(database, 1, 600)
      await archive()
      const held = heldInArchives({ folder, verifier: signer })
      const show = async (events: readonly object[]) => events.map((event) => `shown ${'id' in event && event.id}`)
      async function given(): Promise<object[]> {
        const about = { ownerId: 'cus_1', names: [], subjects: ['1', '4', 'of-nobody'] }
        const all: object[] = []
        for (let after: HeldRecord['place'] | undefined; ; ) {
          const rows = await held.list({ sql: database, show }, about, { after, limit: 50 })
          if (rows.length === 0) return all
          expect(rows.length).toBeLessThanOrEqual(50)
          all.push(...rows.map((row) => ('record' in row ? row.record : { missing: row.missing })))
          after = rows.at(-1)?.place
        }
      }
      const theirs = before
        .filter(({ subject }) => subject === '1' || subject === '4')
        .map(({ sequence, receivedAt, id, body }) => {
          const event = { ...JSON.parse(body), data: `shown ${id}` }
          return { sequence, receivedAt, event }
        })
      expect(theirs.length).toBeGreaterThan(100)
      expect(await given()).toEqual(theirs)

      const path = join(folder, FILES[0] ?? '')
      await writeFile(path, (await readFile(path)).subarray(1))
      const [named, ...rest] = await given()
      const ofFirst = theirs.filter(({ sequence }) => sequence <= 300).length
      expect(named).toEqual({ missing: expect.stringMatching(`^${ofFirst} events are in an archive: .*${FILES[0]}`) })
      expect(rest).toEqual(theirs.slice(ofFirst))
    })

    it('are not taken for lost when something about one of their orders comes late', async () => {
      await log.keepAt(JANUARY, ...many(0, 9), event('old/done', 'old', 'test.said'))
      await log.keepAt(NOVEMBER, ...many(9, 18))
      await followed()
      await archive()
      await log.keepAt(NOVEMBER, event('old/order.created', 'old', 'order.created', { data: {} }))
      await followed()
      expect(await database.all('select order_id from unfinished')).toEqual([])
    })

    it('are not taken out by whoever changes the database', async () => {
      await filled()
      await expect(database.run('update blocks set records = ? where first = 1', Buffer.alloc(0))).rejects.toThrow(
        'append-only',
      )
      await archive()
      await expect(database.run('update blocks set records = ? where first = 601', Buffer.alloc(0))).rejects.toThrow(
        'append-only',
      )
    })
  })
}
