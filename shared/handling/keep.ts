// Stores every delivery of some queues: each is acked after its commit, and deliveries that come together share a group.
// Failures make no dead letter and no retry row, since this is where dead letters themselves are stored.
//
// Promise: a delivery that cannot be stored stays unacked in its queue and is tried again. Up to the prefetch, later deliveries
// overtake it. No delivery is ever rejected.
import { setTimeout as delay } from 'node:timers/promises'
import type { Work } from '../commit/work.ts'
import type { Delivery } from '../messaging/broker.ts'
import type { Arrived } from '../messaging/publishable.ts'
import { asError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import { isAway } from './attempt.ts'
import type { Kernel } from './kernel.ts'
import { isGone, type Taking, takeFrom } from './taking.ts'

export interface Keeping {
  /** Queues of other services. A missing queue is looked for until it exists. */
  queues: readonly string[]
  /** For each queue: the limit of unsettled deliveries, and so of those that can be overtaken. */
  prefetch: number
  /** Stores a delivery. May be called more than once for it. `now` is RFC 3339. */
  work(queue: string, delivery: Arrived, now: string): Work<unknown>
  /** Called when a queue is missing, and again when it exists. */
  missing?(queue: string, isMissing: boolean): void
}

const PAUSE_MS = 1_000
const PAUSE_MAX_MS = 60_000

type By = Pick<Kernel, 'broker' | 'commit' | 'outage' | 'log' | 'now'>

/** Starts one consumer for each queue at once. The caller closes them. */
export function keepAll(kernel: By, keeping: Keeping): Taking[] {
  return keeping.queues.map((queue) => keep(kernel, queue, keeping))
}

function keep(kernel: By, queue: string, { prefetch, work, missing }: Keeping): Taking {
  const { broker, commit, outage, log, now } = kernel
  const closing = new AbortController()
  const refused = new Map<Delivery, string>()

  async function settle(delivery: Delivery): Promise<void> {
    for (let pauseMs = PAUSE_MS; !closing.signal.aborted; pauseMs = Math.min(pauseMs * 2, PAUSE_MAX_MS)) {
      const failure = await attempt(delivery)
      if (!failure) {
        refused.delete(delivery)
        reached('before-ack')
        return delivery.ack()
      }
      // The delivery is not acked, so the broker delivers it again.
      if (isGone(failure)) return
      if (isAway(failure)) return outage.noticed(failure)
      if (!refused.has(delivery)) log.error({ queue, err: failure }, 'cannot be stored: it stays in its queue')
      refused.set(delivery, failure.message)
      await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  }

  /** Returns the error if the delivery could not be stored. */
  async function attempt(delivery: Delivery): Promise<Error | undefined> {
    try {
      await commit.submit(work(queue, delivery, now().toISOString()))
      return undefined
    } catch (thrown) {
      return asError(thrown)
    }
  }

  function told(isMissing: boolean): void {
    if (isMissing)
      log.warn({ queue }, 'a queue is missing: its failed messages are not stored until its service declares it')
    else log.info({ queue }, 'a queue that was missing exists now')
    missing?.(queue, isMissing)
  }

  const taking = takeFrom({ broker, log, queue, prefetch, settle, missing: told })
  const unwatch = outage.watch(taking)
  return {
    ...taking,
    fault() {
      const [why] = refused.values()
      return why === undefined
        ? undefined
        : `${queue}: ${refused.size} messages cannot be stored and stay there: ${why}`
    },
    close() {
      unwatch()
      closing.abort()
      return taking.close()
    },
  }
}
