// Takes deliveries from a queue, and settles each: acked when its attempt has ended, however that was.
//
// Promise: no delivery is left unsettled. What not even a dead letter can be made of is left to the queue's own
// dead-lettering; while the database is away all are given back, and nothing is taken.

import { asError, errorCode } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'
import { createAttempts, isAway } from './attempt.ts'
import type { Broker, Delivery, Subscription } from './broker.ts'
import type { Received, Registry } from './contract.ts'
import type { GroupCommit } from './group-commit.ts'
import type { Handler } from './handler.ts'
import type { Kept } from './kept.ts'
import type { Outage } from './outage.ts'
import { Stopping } from './outside-calls.ts'
import type { Arrived } from './publishable.ts'

export interface Outcome {
  queue: string
  type: string
  outcome: 'handled' | 'retry' | 'gave_up' | 'dead_letter'
  durationMs: number
}

export interface Kernel {
  service: string
  version: string
  broker: Broker
  database: Database
  commit: GroupCommit
  outage: Outage
  registry: Registry
  log: Log
  now: () => Date
  /** Told of every outcome, for metrics. */
  observe?: (outcome: Outcome) => void
}

export interface ConsumerOptions {
  queue: string
  /** Unsettled deliveries at one time: the bound of this consumer's memory, and the most a group can gather. */
  prefetch: number
  handlers: Handler[]
  /** The routing patterns of its bindings; by default the types of its handlers. */
  patterns?: readonly string[]
  /** How a body becomes a message; by default the full decoding against its contract. */
  decode?: (delivery: Arrived) => Received
  askTimeoutMs?: number
  /** Types that an earlier version heard: what waits of them is settled, and nothing happens. */
  retired?: readonly string[]
  /** The queue has no delivery limit, so what is delivered again is counted here. */
  countsRedeliveries?: boolean
  /** The level of the line for what went well; `debug` where it only mirrors what others said. Default `info`. */
  logLevel?: 'info' | 'debug'
}

/** Whatever takes deliveries from a queue. */
export interface Taking {
  readonly queue: string
  /** Deliveries taken and not settled yet; never more than the prefetch. */
  underWay(): number
  /** For how long the oldest of them has been under way, in milliseconds. */
  oldestMs(): number
  /** Takes nothing new and resolves when everything taken is settled. */
  close(): Promise<void>
}

export interface Consumer extends Taking {
  /** Rows that are handled at one time. */
  readonly rowsMax: number
  /** Types that are not to be tried now, since their outside system does not serve. */
  held(): string[]
  /** One attempt at what was kept; when it cannot even fail, its row is due again by itself. */
  again(kept: Kept): Promise<void>
}

const CLOSE_GRACE_MS = 2_000

export function consume(kernel: Kernel, options: ConsumerOptions): Consumer {
  const { broker, log, outage } = kernel
  const { queue, prefetch } = options
  const attempts = createAttempts(kernel, options)
  const retired = new Set(options.retired)
  const underWay = new Map<Promise<void>, number>()
  const byId = new Map<string, Promise<void>>()
  let subscription: Subscription | undefined

  async function settle(delivery: Delivery): Promise<void> {
    const type = delivery.properties.type ?? ''
    const observed = observing(type)
    try {
      if (retired.has(type)) observed('handled')
      else if (delivery.redelivered && options.countsRedeliveries) {
        await attempts.postpone(delivery)
        observed('retry')
      } else observed((await attempts.make(delivery)).outcome)
      reached('before-ack')
      delivery.ack()
    } catch (thrown) {
      const error = asError(thrown)
      // Unacked, it comes back.
      if (error instanceof Stopping || isGone(error)) return
      if (isAway(error)) return outage.noticed(error)
      log.error({ queue, type, err: error }, 'no dead letter can be made of it: left to the queue’s own dead-lettering')
      observed('dead_letter')
      delivery.refuse()
    }
  }

  function observing(type: string): (outcome: Outcome['outcome']) => void {
    const started = performance.now()
    return (outcome) => kernel.observe?.({ queue, type, outcome, durationMs: performance.now() - started })
  }

  function onDelivery(delivery: Delivery): void {
    const { messageId } = delivery.properties
    // After a lost connection a message may come again while its first delivery still asks outside: it waits for that,
    // and finds it recorded, instead of asking a second time.
    const first = messageId === undefined ? undefined : byId.get(messageId)
    const settled = (first ? first.then(() => settle(delivery)) : settle(delivery)).then(() => {
      underWay.delete(settled)
      if (messageId !== undefined && byId.get(messageId) === settled) byId.delete(messageId)
    })
    underWay.set(settled, performance.now())
    if (messageId !== undefined) byId.set(messageId, settled)
  }

  const take = () => {
    subscription = broker.subscribe(queue, prefetch, onDelivery)
  }
  take()
  const unwatch = outage.watch({
    pause() {
      subscription?.drop()
      subscription = undefined
    },
    resume: take,
  })

  return {
    queue,
    rowsMax: prefetch,
    underWay: () => underWay.size,
    oldestMs: () => performance.now() - Math.min(performance.now(), ...underWay.values()),
    held: () => options.handlers.flatMap(({ type, guard }) => (guard?.isOpen() ? [type] : [])),
    async again(kept) {
      const observed = observing(kept.type)
      try {
        observed((await attempts.make({ ...kept.delivery, redelivered: true }, kept)).outcome)
      } catch (thrown) {
        const error = asError(thrown)
        if (error instanceof Stopping || isGone(error)) return
        if (!isAway(error)) return log.error({ queue, id: kept.id, err: error }, 'cannot be given up')
        outage.noticed(error)
        // The same attempt goes on; nobody else has it before its time has passed, and then it decides nothing.
        return outage.over().then(() => this.again(kept))
      }
    },
    async close() {
      unwatch()
      await subscription?.cancel()
      // A call that takes longer is left: unacked, its message comes back and is asked again with the same key.
      const timer = setTimeout(attempts.stop, CLOSE_GRACE_MS)
      await Promise.all(underWay.keys())
      clearTimeout(timer)
    },
  }
}

/** The broker was closed, or the commit: the service stops. */
function isGone(error: Error): boolean {
  return errorCode(error) === 'broker_closed' || errorCode(error) === 'stopping'
}
