// While a service's own database is away nobody can handle a message: its consumers pause, give back what they hold, once,
// and go on by themselves when the database can be written again. It is probed without taking a delivery.
import { setTimeout as delay } from 'node:timers/promises'
import { saveAlive } from '../commit/outbox-rows.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'

/** Whoever takes deliveries. */
interface Paused {
  pause(): void
  resume(): void
}

export type Outage = ReturnType<typeof createOutage>

interface Kernel {
  database: Pick<Database, 'transaction'>
  log: Log
  now: () => Date
}

const PROBE_EVERY_MS = 500
/** One that comes back so soon is probed more slowly, so that messages are not given back again and again. */
const SOON_MS = 30_000
const PROBE_MAX_MS = 10_000

export function createOutage({ database, log, now }: Kernel) {
  const watching = new Set<Paused>()
  let fault: string | undefined
  let waitMs = PROBE_EVERY_MS
  let over: Deferred<void> | undefined
  let endedMs = Number.NEGATIVE_INFINITY
  const closing = new AbortController()

  /** A write, and one that changes something: a full disk can still be read, and locks without a change write nothing. */
  async function isWritable(): Promise<boolean> {
    try {
      await database.transaction((tx) => saveAlive(tx, { self: 'probe', at: now().toISOString() }))
      return true
    } catch (error) {
      fault = asError(error).message
      return false
    }
  }

  async function probe(): Promise<void> {
    do await delay(waitMs, undefined, { signal: closing.signal })
    while (!(await isWritable()))
    fault = undefined
    endedMs = performance.now()
    over?.resolve()
    over = undefined
    log.info('the database is back: consumers resume')
    for (const one of watching) one.resume()
  }

  return {
    /** Somebody's commit failed for it. */
    noticed(error: Error): void {
      if (fault !== undefined || closing.signal.aborted) return
      fault = error.message
      over = deferred()
      waitMs = performance.now() - endedMs < SOON_MS ? Math.min(waitMs * 2, PROBE_MAX_MS) : PROBE_EVERY_MS
      log.warn({ why: fault }, 'the database is unavailable: consumers pause')
      for (const one of watching) one.pause()
      // Only a close ends it otherwise.
      probe().catch(() => undefined)
    },
    /** Why nothing is taken now, for people. */
    fault: () => fault,
    /** Resolves when it is over, at once when there is none; never once it is closed. */
    over: async () => over?.promise,
    /** Pauses and resumes from now on; gives what ends that. */
    watch(paused: Paused): () => void {
      watching.add(paused)
      if (fault !== undefined) paused.pause()
      return () => void watching.delete(paused)
    },
    close: () => closing.abort(),
  }
}
