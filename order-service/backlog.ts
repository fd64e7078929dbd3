// Limits how many orders may wait for the other services at one time. This bounds every outbox, queue and table behind this
// service if one of them stands still: the customer gets a refusal at once instead of waiting without end.
import { RejectedError } from '@orders/shared/runtime'

export interface Backlog {
  /** @throws RejectedError 503 `backlog_full` */
  takeOne(): Promise<void>
}

const COUNTED_EVERY_MS = 1_000
const RETRY_AFTER_SECONDS = 5

/**
 * The rows are counted at most once a second, by a monotonic clock. In between, each copy adds only the orders that it takes
 * itself, so several copies may take a few more than the limit.
 */
export function createBacklog(
  count: () => Promise<number>,
  waitingMax: number,
  clockMs = () => performance.now(),
): Backlog {
  let waiting = 0
  let countedAtMs = Number.NEGATIVE_INFINITY
  /** Callers that arrive during a count wait for its result. */
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
