// Takes deliveries from a queue, at most its prefetch unsettled at a time, and tracks those that are not settled.
//
// Promise: no delivery stays unsettled. If not even its dead letter can be published, it is rejected, and the queue's own
// dead-lettering takes it.

import type { Broker, Delivery, Subscription } from '../messaging/broker.ts'
import { asError, errorCode } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

/** A running consumer of one queue. */
export interface Taking {
  readonly queue: string
  /** Number of unsettled deliveries; never more than the prefetch. */
  underWay(): number
  /** Age of the oldest unsettled delivery, in milliseconds; 0 if there is none. */
  oldestMs(): number
  /** Why some deliveries cannot be settled now, for people. */
  fault?(): string | undefined
  /** Takes no new delivery. Resolves when every delivery taken is settled. */
  close(): Promise<void>
}

interface Options {
  broker: Broker
  log: Log
  queue: string
  prefetch: number
  /** Settles the delivery, or leaves it unsettled so that it is redelivered. If it throws, the delivery is rejected. */
  settle(delivery: Delivery): Promise<void>
  /** For a queue that may be missing; see `Broker.subscribe`. */
  missing?: (isMissing: boolean) => void
}

/** Starts at once. `pause` returns unsettled deliveries to the queue; `resume` takes deliveries again. */
export function takeFrom({ broker, log, queue, prefetch, settle, missing }: Options) {
  const underWay = new Map<Promise<void>, number>()
  const byId = new Map<string, Promise<void>>()
  let subscription: Subscription | undefined

  function onDelivery(delivery: Delivery): void {
    const { messageId } = delivery.properties
    // After a lost connection a message may be redelivered while its first delivery still waits for an outside call. The second
    // delivery waits for the first, and then finds it recorded, so the call is not made twice.
    const first = messageId === undefined ? undefined : byId.get(messageId)
    const ended = () => {
      underWay.delete(settled)
      if (messageId !== undefined && byId.get(messageId) === settled) byId.delete(messageId)
    }
    const settled = (first ? first.then(() => settle(delivery)) : settle(delivery)).then(ended, (thrown: unknown) => {
      refuse(delivery, asError(thrown))
      ended()
    })
    underWay.set(settled, performance.now())
    if (messageId !== undefined) byId.set(messageId, settled)
  }

  function refuse(delivery: Delivery, error: Error): void {
    // The delivery is not acked, so the broker delivers it again.
    if (isGone(error)) return
    const { type } = delivery.properties
    log.error(
      { queue, type, err: error },
      'its dead letter cannot be published: the queue’s own dead-lettering takes it',
    )
    delivery.refuse()
  }

  const resume = () => {
    subscription = broker.subscribe(queue, prefetch, onDelivery, missing)
  }
  resume()

  return {
    queue,
    underWay: () => underWay.size,
    oldestMs: () => performance.now() - Math.min(performance.now(), ...underWay.values()),
    resume,
    pause() {
      subscription?.drop()
      subscription = undefined
    },
    async close() {
      await subscription?.cancel()
      await Promise.all(underWay.keys())
    },
  }
}

/** True if the service is stopping: the broker or the group commit was closed. */
export function isGone(error: Error): boolean {
  return errorCode(error) === 'broker_closed' || errorCode(error) === 'stopping'
}
