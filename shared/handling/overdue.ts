// Timers live in the broker; this makes good for one that does not come back. A service looks into its own tables now and
// then for what is overdue, and decides it as if the timer had come.
//
// Promise: whatever is overdue by more than the grace is decided, once, for as long as the database can be written: at a start
// and every few seconds, a batch at a time, oldest first. A timer that comes after all finds it decided, and so does another
// copy of the service: the domain's own keys see to that.

import type { GroupCommit } from '../commit/group-commit.ts'
import type { Work } from '../commit/work.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Reader } from '../storage/index.ts'

export interface Timers {
  /** What they are, for the log. */
  name: string
  /** How long a timer may be late before it is not waited for. */
  graceMs: number
  lookEveryMs: number
  /** The subjects whose timer was due at `dueBefore` or earlier, the longest overdue first, at most `limit`. */
  overdue(sql: Reader, dueBefore: string, limit: number): Promise<string[]>
  /** What the timer's own handler decides; whether there was anything to decide. */
  work(subject: string, now: string): Work<boolean>
}

interface Kernel {
  database: Reader
  commit: Pick<GroupCommit, 'submit'>
  log: Log
  now: () => Date
}

const BATCH = 100

/** Looks at once, and then again and again until it is closed. */
export function watchOverdue(kernel: Kernel, timers: Timers): { close(): Promise<void> } {
  const { database, commit, log, now } = kernel
  const { name, graceMs, lookEveryMs, overdue, work } = timers
  let closed = false

  const decideOne = (subject: string) => commit.submit(work(subject, now().toISOString()))

  async function look(): Promise<void> {
    // A full batch of which another copy has decided all is no reason to hurry.
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
