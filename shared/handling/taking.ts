// Takes deliveries from a queue, at most its prefetch unsettled at a time, and knows those that are under way.
//
// Promise: no delivery is left unsettled. What not even a dead letter can be made of is left to the queue's own dead-lettering.

import type { Broker, Delivery, Subscription } from '../messaging/broker.ts'
import { asError, errorCode } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'

/** Whatever takes deliveries from a queue. */
export interface Taking {
  readonly queue: string
  /** Deliveries taken and not settled yet; never more than the prefetch. */
  underWay(): number
  /** For how long the oldest of them has been under way, in milliseconds. */
  oldestMs(): number
  /** Why some of them cannot be settled now, for people. */
  fault?(): string | undefined
  /** Takes nothing new and resolves when everything taken is settled. */
  close(): Promise<void>
}

interface Options {
  broker: Broker
  log: Log
  queue: string
  prefetch: number
  /** Settles it, or leaves it unsettled to come again; what it throws refuses the delivery. */
  settle(delivery: Delivery): Promise<void>
  /** For a queue that may be missing: see `Broker.subscribe`. */
  missing?: (isMissing: boolean) => void
}

/** Begins at once. `pause` gives back what is unsettled, and `resume` takes again. */
export function takeFrom({ broker, log, queue, prefetch, settle, missing }: Options) {
  const underWay = new Map<Promise<void>, number>()
  const byId = new Map<string, Promise<void>>()
  let subscription: Subscription | undefined

  function onDelivery(delivery: Delivery): void {
    const { messageId } = delivery.properties
    // After a lost connection a message may come again while its first delivery still asks outside: it waits for that,
    // and finds it recorded, instead of asking a second time.
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
    // Unacked, it comes back.
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

/** The broker was closed, or the commit: the service stops. */
export function isGone(error: Error): boolean {
  return errorCode(error) === 'broker_closed' || errorCode(error) === 'stopping'
}
