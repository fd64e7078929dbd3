// Waiting retries for an operator: list, hasten, give up. The same functions serve HTTP and the broker.
import type { Retries, Retry, RetryFilter } from '../contracts/definition/operations.ts'
import {
  about,
  type Cause,
  type GroupCommit,
  givenUp,
  hastened,
  isUnderWay,
  type Kept,
  listRetries,
  retries,
} from '../messaging/index.ts'
import { RejectedError } from '../runtime/errors.ts'
import type { Reader } from '../storage/index.ts'

interface Parts {
  commit: Pick<GroupCommit, 'submit'>
  database: Reader
  now: () => Date
  /** Call when a row is due at once. */
  wake(): void
}

export type Waiting = ReturnType<typeof createWaiting>

export function createWaiting({ commit, database, now, wake }: Parts) {
  /** @throws RejectedError 404 `no_such_retry` */
  async function change(id: string, changed: (kept: Kept, at: string) => Kept, trace: Cause): Promise<Retry> {
    const work = about(retries, id, (found) => {
      if (!found) throw new RejectedError(404, 'no_such_retry', `there is no retry ${id}; it may have been handled`)
      const state = changed(found, now().toISOString())
      return { state, messages: [], result: state }
    })
    const kept = await commit.submit(work, trace)
    wake()
    return shown(kept)
  }

  return {
    /** Earliest due first. */
    async list({ queue, type, subject, after, limit: wanted = '100' }: RetryFilter): Promise<Retries> {
      const limit = Number(wanted)
      const [dueAt = '', id = ''] = after?.split('/') ?? []
      const page = await listRetries(database, {
        queue,
        type,
        subject,
        after: after === undefined ? undefined : { dueAt, id },
        limit,
      })
      const last = page.at(-1)
      return { retries: page.map(shown), next: last && page.length === limit ? `${last.dueAt}/${last.id}` : null }
    },
    /** Makes a row due now. A row that is being handled stays as it is. */
    hasten: (id: string, trace: Cause) => change(id, hastened, trace),
    /** @throws RejectedError 409 `under_way` */
    giveUp: (id: string, trace: Cause) => change(id, abandoned, trace),
  }
}

/** @throws RejectedError 409 `under_way` */
function abandoned(kept: Kept, at: string): Kept {
  if (!isUnderWay(kept, at)) return givenUp(kept, at)
  throw new RejectedError(409, 'under_way', `${kept.id} is being handled at this moment: try again in a minute`)
}

function shown({ delivery: _, isDone: __, isOutside: ___, ...kept }: Kept): Retry {
  return { ...kept, history: [...kept.history] }
}
