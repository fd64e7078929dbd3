// Polls for held notifications that are due and releases them.
import type { GroupCommit } from '@orders/shared/messaging'
import { asError, isOutage, type Log } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { type Polling, startPolling } from '../polling.ts'
import type { Terms } from '../rules/settings.ts'
import { putOff, release } from './handlers.ts'
import { dueAt } from './store.ts'

interface Options {
  database: Reader
  commit: GroupCommit
  log: Log
  now: () => Date
  pollMs: number
  terms: Terms
}

/** How many are loaded at a time. After a full batch the next one follows at once. */
const BATCH = 128
const PUT_OFF_MS = 60_000

/**
 * Any number of copies may run. Each notification is released by one member of a group commit that owns its key. A
 * second copy waits for it and then finds nothing due. After a crash before the commit it is still due; after the
 * commit, its request is in the outbox.
 */
export function startReleasing({ database, commit, log, now, pollMs, terms }: Options): Polling {
  async function look(isClosed: () => boolean): Promise<void> {
    for (let found = BATCH; found === BATCH && !isClosed(); ) {
      const at = now().toISOString()
      const due = await dueAt(database, at, BATCH)
      await Promise.all(due.map((one) => releaseOne(one, at, isClosed)))
      found = due.length
    }
  }

  async function releaseOne(id: string, at: string, isClosed: () => boolean): Promise<void> {
    try {
      await commit.submit(release(id, at, terms))
    } catch (thrown) {
      const error = asError(thrown)
      if (isOutage(error) || isClosed()) throw error
      log.error(
        { notificationId: id, err: error },
        'cannot release held notifications, will be tried again in a minute',
      )
      const until = new Date(Date.parse(at) + PUT_OFF_MS).toISOString()
      await commit.submit(putOff(id, at, until))
    }
  }

  return startPolling('release', look, { pollMs, log })
}
