// The bound of every queue behind this service: only so many orders may wait for the others at one time. Whatever stands
// still, outboxes, queues and tables grow no further than that; the customer hears it now instead of waiting for ever.
import { RejectedError } from '@orders/shared/runtime'

export interface Backlog {
  /** @throws RejectedError 503 `backlog_full` */
  takeOne(): Promise<void>
}

const COUNTED_EVERY_MS = 1_000
const RETRY_AFTER_SECONDS = 5

/** Counts at most once a second, by a monotonic clock, and in between what it lets in itself; so several copies may let in a few more. */
export function createBacklog(
  count: () => Promise<number>,
  waitingMax: number,
  clockMs = () => performance.now(),
): Backlog {
  let waiting = 0
  let countedAtMs = Number.NEGATIVE_INFINITY
  /** Whoever comes while it is being counted waits for the result. */
  let counted = Promise.resolve()

  async function countAnew(): Promise<void> {
    try {
      waiting = await count()
    } catch (error) {
      countedAtMs = Number.NEGATIVE_INFINITY
      throw error
    }
  }

  return {
    async takeOne() {
      const nowMs = clockMs()
      if (nowMs - countedAtMs >= COUNTED_EVERY_MS) {
        countedAtMs = nowMs
        counted = countAnew()
      }
      await counted
      if (waiting >= waitingMax)
        throw new RejectedError(503, 'backlog_full', `${waiting} orders are waiting already; try again later`, {
          retryAfterSeconds: RETRY_AFTER_SECONDS,
        })
      waiting += 1
    },
  }
}
