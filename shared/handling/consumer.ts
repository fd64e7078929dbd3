// Handles the deliveries of one queue. Each is acked when its attempt has ended, whatever the outcome. While the database is
// away, all deliveries are returned to the queue and none is taken.

import type { Delivery } from '../messaging/broker.ts'
import type { Retrying } from '../retries/due.ts'
import type { Kept } from '../retries/kept.ts'
import { asError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import { createAttempts, isAway } from './attempt.ts'
import { type ConsumerOptions, type Kernel, observing } from './kernel.ts'
import { Stopping } from './outside-calls.ts'
import { isGone, type Taking, takeFrom } from './taking.ts'

export interface Consumer extends Taking, Retrying {}

const CLOSE_GRACE_MS = 2_000

export function consume(kernel: Kernel, options: ConsumerOptions): Consumer {
  const { broker, log, outage } = kernel
  const { queue, prefetch, handlers } = options
  const attempts = createAttempts(kernel, options)
  const retired = new Set(options.retired)

  async function settle(delivery: Delivery): Promise<void> {
    const type = delivery.properties.type ?? ''
    const observed = observing(kernel, queue, type)
    try {
      if (retired.has(type)) observed('handled')
      else if (delivery.redelivered && options.countsRedeliveries) {
        await attempts.postpone(delivery)
        observed('retry')
      } else observed(await attempts.make(delivery))
      reached('before-ack')
      delivery.ack()
    } catch (thrown) {
      const error = asError(thrown)
      // The delivery is not acked, so the broker delivers it again.
      if (error instanceof Stopping || isGone(error)) return
      if (isAway(error)) return outage.noticed(error)
      observed('dead_letter')
      throw error
    }
  }

  async function again(kept: Kept): Promise<void> {
    const observed = observing(kernel, queue, kept.type)
    try {
      observed(await attempts.make({ ...kept.delivery, redelivered: true }, kept))
    } catch (thrown) {
      const error = asError(thrown)
      if (error instanceof Stopping || isGone(error)) return
      if (!isAway(error)) return log.error({ queue, id: kept.id, err: error }, 'cannot be given up')
      outage.noticed(error)
      // This copy goes on with the same attempt. Its claim keeps other copies away for a while; after that, this attempt
      // decides nothing.
      return outage.over().then(() => again(kept))
    }
  }

  const taking = takeFrom({ broker, log, queue, prefetch, settle })
  const unwatch = outage.watch(taking)

  return {
    ...taking,
    rowsMax: prefetch,
    held: () => handlers.flatMap(({ type, guard }) => (guard?.isOpen() ? [type] : [])),
    again,
    async close() {
      unwatch()
      // A call that takes longer is abandoned. Its delivery is not acked, so it is redelivered and asked again with the same
      // key.
      const timer = setTimeout(attempts.stop, CLOSE_GRACE_MS)
      await taking.close()
      clearTimeout(timer)
    },
  }
}
