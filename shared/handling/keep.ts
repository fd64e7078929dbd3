// Takes what has to be kept, whatever it is: each delivery is acked once it is committed, and those that come together share a
// group. No dead letter is made here, nor a row that waits: where these are kept is the end of the way of both.
//
// Promise: what cannot be kept stays in its queue, unacked, and is tried again; those behind it pass it, as many as the prefetch
// lets by. Nothing is ever refused.
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
  /** Of other services; one that is missing is looked for until it is there. */
  queues: readonly string[]
  /** Of each queue: the bound of its memory, and how many may be passed. */
  prefetch: number
  /** What keeps a delivery; it may come more than once. `now` is RFC 3339. */
  work(queue: string, delivery: Arrived, now: string): Work<unknown>
  /** Told of a queue that is missing, and when it is there again. */
  missing?(queue: string, isMissing: boolean): void
}

const PAUSE_MS = 1_000
const PAUSE_MAX_MS = 60_000

type By = Pick<Kernel, 'broker' | 'commit' | 'outage' | 'log' | 'now'>

/** Begins at once, one for each queue; the caller closes them. */
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
      // Unacked, it comes back.
      if (isGone(failure)) return
      if (isAway(failure)) return outage.noticed(failure)
      if (!refused.has(delivery)) log.error({ queue, err: failure }, 'cannot be stored: it stays in its queue')
      refused.set(delivery, failure.message)
      await delay(pauseMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  }

  /** Gives why not. */
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
