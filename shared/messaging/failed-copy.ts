// The copy of a failed delivery that takes its place: in a waiting room, or in the dead letters.
import type { Delivery, Publication } from './broker.ts'
import { deadLetterExchange, type Room, retryExchange } from './queues.ts'
import { failureHeaders } from './recoverability.ts'

interface Failed {
  delivery: Delivery
  /** The queue it failed in, and to which it returns. */
  queue: string
  error: Error
  /** Counts from 1. */
  attempt: number
  at: string
  service: string
  version: string
}

/** Waits in `room` and comes back to its queue as the attempt `next`. */
export function waitingCopy(failed: Failed, room: Room, next: number): Publication {
  return copyOf(failed, retryExchange, { delay: room, attempt: next })
}

export function deadCopy(failed: Failed): Publication {
  return copyOf(failed, deadLetterExchange, { attempt: failed.attempt })
}

/** The bytes as they came, with what happened in the headers. It must not expire, nor be answered, where it waits. */
function copyOf(failed: Failed, exchange: string, headers: { delay?: Room; attempt: number }): Publication {
  const { delivery, queue } = failed
  const { expirationMs: _, replyTo: __, ...properties } = delivery.properties
  const told = { ...failureHeaders(properties.headers, failed), ...headers }
  return { exchange, routingKey: queue, body: delivery.body, properties: { ...properties, headers: told } }
}
