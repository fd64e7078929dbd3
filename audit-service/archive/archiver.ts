// Moves the bodies of old months from the database to archive files that verify by themselves.
//
// Promise: bodies are removed only after the file that holds them is on disk, was read back and verified, and is recorded in
// `archives`. After an interruption the next run continues: a file without a row is written again, and a row whose bodies are
// still in the database is finished.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type Log, lookEvery } from '@orders/shared/runtime'
import type { Database } from '@orders/shared/storage'
import { openCheckpoint } from '../proof/checkpoint.ts'
import { leafHashOf } from '../proof/leaf.ts'
import type { Verifier } from '../proof/note.ts'
import { edgeOf, tilesIn, treeHeadOf } from '../proof/store.ts'
import { consistencyRanges, rootsOf } from '../proof/tree.ts'
import { type Archived, archivesOf } from '../reading/archives/store.ts'
import { encodeArchive } from './file.ts'
import { fileNamed, readWhole, writeWhole } from './files.ts'
import { type Gathered, gather, monthBefore } from './gather.ts'
import { addArchive, blocksWithBodies, dropBodies, holdLease, saveBackUntil } from './store.ts'

interface Options {
  database: Database
  verifier: Verifier
  /** Undefined: bodies stay in the database. */
  keep: { days: number; folder: string } | undefined
  log: Log
  now: () => Date
  /** The pause between two steps, in milliseconds. */
  pauseMs?: number
  entriesMax?: number
}

export interface Archiver {
  /** Archives what is due. Never rejects. */
  now(): Promise<void>
  close(): Promise<void>
}

const LOOK_MS = 600_000
const PAUSE_MS = 200
/** The limits of one file. Writing one takes some hundred megabytes of memory. */
const ENTRIES_MAX = 50_000
const LENGTH_MAX = 64 * 1_024 * 1_024
/** How many blocks lose their bodies in one transaction. */
const BLOCKS_A_STEP = 64
/** Longer than one file takes. */
const LEASE_MS = 300_000
const PAGES_A_STEP = 64
const FREE_PAGES = 1_000

/** Looks for the first time after ten minutes. The caller closes it. */
export function startArchiver(options: Options): Archiver {
  const { database, verifier, keep, log, now, pauseMs = PAUSE_MS, entriesMax = ENTRIES_MAX } = options
  const holder = randomUUID()
  const closing = new AbortController()
  let told: string | null = null
  /** Archives whose bodies are known to be removed. */
  const finished = new Set<number>()

  const instant = (afterMs = 0) => new Date(now().getTime() + afterMs).toISOString()
  const hold = () => holdLease(database, { holder, now: instant(), until: instant(LEASE_MS) })
  async function goesOn(): Promise<boolean> {
    await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined)
    return !closing.signal.aborted
  }

  async function look(): Promise<void> {
    if (!keep || !(await hold())) return
    // Unfinished archives come first.
    for (const one of await archivesOf(database)) if (!(await finish(one, keep.folder))) return
    const before = monthBefore(now(), keep.days)
    while (!closing.signal.aborted && (await hold())) {
      const { next, heldBy } = await gather(database, { before, entriesMax, lengthMax: LENGTH_MAX })
      if (heldBy !== null && heldBy !== told)
        log.warn({ orderId: heldBy, before }, 'an order that has not ended keeps its months in the audit database')
      told = heldBy
      if (!next || !(await archive(next, keep.folder))) return
    }
  }

  /** False: stop. */
  async function archive(next: Gathered, folder: string): Promise<boolean> {
    const { first, last, month, entries } = next
    const file = fileNamed(month, first)
    await writeWhole(folder, file, encodeArchive({ first, entries }, await evidenceFor(first, last)))
    const { sha256 } = await verified(folder, { first, last, file })
    const archived = { first, last, file, sha256, archivedAt: instant(), backUntil: null }
    await database.transaction((tx) => addArchive(tx, archived))
    log.info({ file, first, last }, 'old entries of the audit log are in an archive')
    return finish(archived, folder)
  }

  async function evidenceFor(first: number, last: number) {
    const { checkpoint } = await treeHeadOf(database)
    const signed = checkpoint === null ? undefined : openCheckpoint(checkpoint, verifier)
    if (checkpoint === null || !signed || signed.size < last)
      throw new Error('the entries to archive are not signed yet')
    const consistency = await rootsOf(consistencyRanges(last, signed.size), tilesIn(database))
    return { edge: await edgeOf(database, first - 1), consistency, checkpoint }
  }

  /** Reads the file from disk and checks that it has exactly the entries that will be removed. */
  async function verified(
    folder: string,
    { first, last, file, sha256 }: Pick<Archived, 'first' | 'last' | 'file'> & { sha256?: string },
  ) {
    const read = await readWhole(join(folder, file), verifier, sha256)
    const leaves = read.entries.map((entry) => leafHashOf(entry))
    const tiles = await leavesBetween(first, last)
    if (
      read.first !== first ||
      leaves.length !== tiles.length ||
      leaves.some((leaf, place) => !leaf.equals(tiles[place] ?? leaf))
    )
      throw new Error(`${file} does not have the entries from ${first} to ${last}`)
    return read
  }

  async function leavesBetween(first: number, last: number): Promise<Buffer[]> {
    const read = tilesIn(database)
    const all: Buffer[] = []
    for (let tile = Math.floor((first - 1) / 256); tile * 256 < last; tile++)
      for (const [place, leaf] of (await read(0, tile)).entries()) {
        const sequence = tile * 256 + place + 1
        if (sequence >= first && sequence <= last) all.push(leaf)
      }
    return all
  }

  /** Removes the bodies that the archive has, a few blocks at a time. False: stop. */
  async function finish(archived: Archived, folder: string): Promise<boolean> {
    const isBack = archived.backUntil !== null
    if (isBack ? (archived.backUntil ?? '') > instant() : finished.has(archived.first)) return true
    let firsts = await blocksWithBodies(database, archived, BLOCKS_A_STEP)
    if (firsts.length > 0) await verified(folder, archived)
    if (isBack) await saveBackUntil(database, archived.first, null)
    for (; firsts.length > 0; firsts = await blocksWithBodies(database, archived, BLOCKS_A_STEP)) {
      const some = firsts
      await database.transaction((tx) => dropBodies(tx, some))
      if (!(await goesOn())) return false
    }
    finished.add(archived.first)
    while ((await database.giveBack(PAGES_A_STEP, FREE_PAGES)) > 0) if (!(await goesOn())) return false
    return true
  }

  const looks = lookEvery(LOOK_MS, look, (err) => log.error({ err }, 'old entries of the audit log cannot be archived'))
  return {
    now: looks.now,
    async close() {
      closing.abort()
      await looks.close()
    },
  }
}
