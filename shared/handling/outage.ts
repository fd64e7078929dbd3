// Pauses all consumers of a service while its own database is away, since no message can be handled then. The consumers return
// their deliveries to the queues once, and resume when a test write succeeds. The test takes no delivery.
import { setTimeout as delay } from 'node:timers/promises'
import { saveAlive } from '../commit/outbox-rows.ts'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'

/** A consumer that can be paused. */
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
/** If the database fails again this soon, it is tested less often, so that messages are not returned again and again. */
const SOON_MS = 30_000
const PROBE_MAX_MS = 10_000

export function createOutage({ database, log, now }: Kernel) {
  const watching = new Set<Paused>()
  let fault: string | undefined
  let waitMs = PROBE_EVERY_MS
  let over: Deferred<void> | undefined
  let endedMs = Number.NEGATIVE_INFINITY
  const closing = new AbortController()

  /** Tests with a write that changes a row. A full disk can still be read, and a lock without a change writes nothing. */
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
    /** Reports that a commit failed since the database is away. */
    noticed(error: Error): void {
      if (fault !== undefined || closing.signal.aborted) return
      fault = error.message
      over = deferred()
      waitMs = performance.now() - endedMs < SOON_MS ? Math.min(waitMs * 2, PROBE_MAX_MS) : PROBE_EVERY_MS
      log.warn({ why: fault }, 'the database is unavailable: consumers pause')
      for (const one of watching) one.pause()
      // Only `close` makes it reject.
      probe().catch(() => undefined)
    },
    /** Why the consumers are paused, for people; undefined if they are not. */
    fault: () => fault,
    /** Resolves when the outage is over, at once if there is none. Never resolves after `close`. */
    over: async () => over?.promise,
    /** Pauses and resumes this consumer from now on. The returned function ends that. */
    watch(paused: Paused): () => void {
      watching.add(paused)
      if (fault !== undefined) paused.pause()
      return () => void watching.delete(paused)
    },
    close: () => closing.abort(),
  }
}
