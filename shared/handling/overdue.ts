// Decides timers that do not come back. Timers are messages in the broker. From time to time a service looks into its own
// tables for overdue ones and decides as if the timer had come.
//
// Promise: every timer that is overdue by more than the grace is decided once, as long as the database can be written. The
// service looks at its start and every few seconds, in batches, oldest first. A timer that comes later finds that it was
// decided. So does another copy. The domain's own keys ensure this.

import type { GroupCommit } from '../commit/group-commit.ts'
import type { Work } from '../commit/work.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Reader } from '../storage/index.ts'

export interface Timers {
  /** What the timers are for; appears in the log. */
  name: string
  /** How late a timer may be before the service decides without it. */
  graceMs: number
  lookEveryMs: number
  /** The subjects whose timer was due at `dueBefore` or earlier: longest overdue first, at most `limit`. */
  overdue(sql: Reader, dueBefore: string, limit: number): Promise<string[]>
  /** Decides what the timer's handler would decide. Its result is false if nothing was left to decide. */
  work(subject: string, now: string): Work<boolean>
}

interface Kernel {
  database: Reader
  commit: Pick<GroupCommit, 'submit'>
  log: Log
  now: () => Date
}

const BATCH = 100

/** Looks at once and then every `lookEveryMs` until it is closed. */
export function watchOverdue(kernel: Kernel, timers: Timers): { close(): Promise<void> } {
  const { database, commit, log, now } = kernel
  const { name, graceMs, lookEveryMs, overdue, work } = timers
  let closed = false

  const decideOne = (subject: string) => commit.submit(work(subject, now().toISOString()))

  async function look(): Promise<void> {
    // If another copy has decided the whole batch, the loop ends and waits for the next look.
    for (let count = BATCH; count > 0 && !closed; ) {
      const dueBefore = new Date(now().getTime() - graceMs).toISOString()
      const decided = await Promise.all((await overdue(database, dueBefore, BATCH)).map(decideOne))
      count = decided.filter(Boolean).length
      if (count > 0) log.warn({ timers: name, count }, 'timers did not come back in time: decided without them')
    }
  }

  const failed = (err: Error) => log.warn({ timers: name, err }, 'cannot look for overdue timers')
  const looks = lookEvery(lookEveryMs, look, failed)
  void looks.now()
  return {
    close() {
      closed = true
      return looks.close()
    },
  }
}
