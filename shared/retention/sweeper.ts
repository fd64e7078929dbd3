// Removes expired rows: each table once a day, a few rows at a time in the order of their keys, while the service works.
//
// Promise: a row is removed only if it has ended by its table's own rule, which is checked again in the transaction that
// removes it. One copy of the service works on a table at a time. If it stops, the next copy continues where it stopped.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { asError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database } from '../storage/index.ts'
import { claimSweep, leaveSweeps, removeOld, rowsAfter, type Sweep, saveSweep, sweepsOf } from './store.ts'
import { type Aged, daysOf, type Tables } from './tables.ts'

interface Options {
  database: Database
  tables: Tables
  /** The settings that the tables' rules name. */
  settings: Readonly<Record<string, unknown>>
  /** Returns those of the keys that another service has removed already. */
  removedBy(service: string, keys: readonly string[]): Promise<readonly string[]>
  log: Log
  now: () => Date
  /** Between two steps, in milliseconds. Default 200. */
  pauseMs?: number
  /** Pages of an SQLite file that stay free for new rows. Default 1,000. */
  freePages?: number
}

export interface Sweeper {
  /** Removes everything that is due, or waits for the run in progress. Never rejects. */
  now(): Promise<void>
  close(): Promise<void>
}

const DAY_MS = 86_400_000
/** How often the sweeper checks whether a table is due. */
const LOOK_MS = 60_000
const PAUSE_MS = 200
/** Rows of one step: read at a time, and at most removed by one transaction. */
const ROWS_MAX = 250
/** If nothing is removed, the position is saved only after this many steps. */
const STEPS_UNSAVED_MAX = 16
/** If a copy dies, another takes over after this time. */
const LEASE_MS = 60_000
/** About four megabytes, which new rows would soon use again. */
const FREE_PAGES = 1_000
/** Pages that one commit returns to the disk. */
const PAGES_A_STEP = 64

/** The first run begins after a minute. The caller closes it. */
export function startSweeper(options: Options): Sweeper {
  const { database, tables, settings, removedBy, log, now, pauseMs = PAUSE_MS, freePages = FREE_PAGES } = options
  const holder = randomUUID()
  const closing = new AbortController()
  const stopped = new Promise<never>((_, reject) => {
    closing.signal.addEventListener('abort', () => reject(new Error('stopping')), { once: true })
  })
  // Without this, an unawaited rejection would end the process.
  stopped.catch(() => undefined)
  const rules = Object.entries(tables).flatMap(([name, { kept }]) => ('days' in kept ? [{ name, rule: kept }] : []))

  /** Returns false if the sweeper is to stop. */
  async function goesOn(): Promise<boolean> {
    await delay(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined)
    return !closing.signal.aborted
  }

  const lease = () => {
    const at = now().getTime()
    return { holder, now: instant(at), until: instant(at + LEASE_MS) }
  }

  async function look(): Promise<void> {
    const last = new Map((await sweepsOf(database)).map((sweep) => [sweep.name, sweep]))
    const dueBefore = instant(now().getTime() - DAY_MS)
    const removed: Record<string, number> = {}
    const failures: Error[] = []
    for (const { name, rule } of rules) {
      const days = daysOf(String(settings[rule.days]))
      const { endedAt = null } = last.get(name) ?? {}
      if (days === undefined || (endedAt !== null && endedAt > dueBefore && endedAt <= instant(now().getTime())))
        continue
      const ended = await sweepOf(name, rule, days, dueBefore).catch((thrown: unknown) => {
        failures.push(asError(thrown))
      })
      if (closing.signal.aborted) return
      if (ended) removed[name] = ended.removed
    }
    if (Object.keys(removed).length > 0) log.info({ removed, freedPages: await giveBack() }, 'expired rows are removed')
    // A failure for one table does not stop the others.
    if (failures[0]) throw failures[0]
  }

  /** Undefined if nothing is due, or if the run did not reach the table's end. */
  async function sweepOf(name: string, rule: Aged, days: number, dueBefore: string): Promise<Sweep | undefined> {
    const sweep = await database.transaction((tx) => claimSweep(tx, name, lease(), dueBefore))
    return sweep && goThrough(sweep, rule, instant(now().getTime() - days * DAY_MS))
  }

  /** Undefined if it is to stop, or if another copy holds the lease now. */
  async function goThrough(begun: Sweep, rule: Aged, before: string): Promise<Sweep | undefined> {
    const { name } = begun
    let sweep = begun
    for (let unsaved = 1; ; unsaved++) {
      const rows = await rowsAfter(database, name, rule, { after: sweep.position, before, limit: ROWS_MAX })
      const isLast = rows.length < ROWS_MAX
      const old = rows.filter(({ isOld }) => isOld).map(({ key }) => key)
      const keys =
        rule.after === undefined || old.length === 0 ? old : await Promise.race([removedBy(rule.after, old), stopped])
      const next: Sweep = {
        ...sweep,
        position: rows.at(-1)?.key ?? sweep.position,
        oldest: oldestOf(
          sweep.oldest,
          rows.filter(({ key }) => !keys.includes(key)).map(({ since }) => since),
        ),
        endedAt: isLast ? instant(now().getTime()) : null,
      }
      if (keys.length === 0 && !isLast && unsaved < STEPS_UNSAVED_MAX) sweep = next
      else {
        const saved = await step(next, rule, keys, before)
        if (!saved) return undefined
        sweep = saved
        unsaved = 0
      }
      if (isLast) return sweep
      if (!(await goesOn())) return undefined
    }
  }

  /** Removes the rows and saves the position, in one transaction. */
  function step(sweep: Sweep, rule: Aged, keys: readonly string[], before: string): Promise<Sweep | undefined> {
    return database
      .transaction(async (tx) => {
        const terms = { keys, before, now: instant(now().getTime()), skipLocked: database.dialect === 'postgres' }
        const removed = keys.length === 0 ? 0 : await removeOld(tx, sweep.name, rule, terms)
        const after = { ...sweep, removed: sweep.removed + removed }
        if (await saveSweep(tx, after, lease())) return after
        throw new LostLease(sweep.name)
      })
      .catch((thrown: unknown) => {
        if (thrown instanceof LostLease) return undefined
        throw asError(thrown)
      })
  }

  async function giveBack(): Promise<number> {
    for (let all = 0; ; ) {
      const freed = await database.giveBack(PAGES_A_STEP, freePages)
      all += freed
      if (freed === 0 || !(await goesOn())) return all
    }
  }

  const looks = lookEvery(LOOK_MS, look, (err) => log.warn({ err }, 'cannot remove expired rows'))
  return {
    now: looks.now,
    async close() {
      closing.abort()
      await looks.close()
      // Releases the lease, so that the next copy need not wait until it expires.
      await leaveSweeps(database, holder).catch((thrown: unknown) => {
        log.debug({ err: asError(thrown) }, 'the lease of a removal run is left to expire')
      })
    },
  }
}

/** Rolls back a step whose lease another copy has taken. */
class LostLease extends Error {
  override name = 'LostLease'
}

function oldestOf(before: string | null, all: readonly (string | null)[]): string | null {
  return all.reduce((oldest, one) => (one !== null && (oldest === null || one < oldest) ? one : oldest), before)
}

const instant = (milliseconds: number) => new Date(milliseconds).toISOString()
