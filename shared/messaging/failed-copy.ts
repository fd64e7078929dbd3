// The copy of a failed delivery that takes its place: in a waiting room, or in the dead letters.
import type { Delivery, Headers, Publication } from './broker.ts'
import { deadLetterExchange, retryExchange, rooms } from './queues.ts'
import { failureHeaders, type Remedy, withoutBrokerHeaders } from './recoverability.ts'

interface Waiting {
  delivery: Delivery
  /** The queue it comes from, and to which it returns. */
  queue: string
  /** When its wait began, RFC 3339. */
  at: string
}

interface Failed extends Waiting {
  error: Error
  /** Counts from 1. */
  attempt: number
  service: string
  version: string
}

type Retry = Extract<Remedy, { kind: 'retry' }>
type Wait = Pick<Retry, 'room' | 'waitMs'>

/** Waits in its room and comes back to its queue as the next attempt. */
export function waitingCopy(failed: Failed, { nextAttempt, ...wait }: Omit<Retry, 'kind'>): Publication {
  return copyOf(failed, retryExchange, { ...toldOf(failed), attempt: nextAttempt, ...headersOf(failed, wait) })
}

/** Waits and comes back as it came: nothing was tried. */
export function stillWaitingCopy(waiting: Waiting, wait: Wait): Publication {
  const headers = withoutBrokerHeaders(withoutWait(waiting.delivery.properties.headers))
  return copyOf(waiting, retryExchange, { ...headers, ...headersOf(waiting, wait) })
}

export function deadCopy(failed: Failed): Publication {
  return copyOf(failed, deadLetterExchange, { ...toldOf(failed), attempt: failed.attempt })
}

function toldOf(failed: Failed): Headers {
  return failureHeaders(withoutWait(failed.delivery.properties.headers), failed)
}

/** An earlier wait is over. */
function withoutWait({ 'not-before': _, 'wait-ms': __, ...headers }: Headers): Headers {
  return headers
}

/** A wait that is longer than its room goes with the message: until when, and how much of it is left after the room. */
function headersOf({ at }: Waiting, { room, waitMs }: Wait): Headers {
  const until = () => new Date(Date.parse(at) + waitMs).toISOString()
  return { delay: room, ...(waitMs > rooms[room] && { 'not-before': until(), 'wait-ms': waitMs - rooms[room] }) }
}

/** The bytes as they came, with what happened in the headers. It must not expire, nor be answered, where it waits. */
function copyOf({ delivery, queue }: Waiting, exchange: string, headers: Headers): Publication {
  const { expirationMs: _, replyTo: __, ...properties } = delivery.properties
  return { exchange, routingKey: queue, body: delivery.body, properties: { ...properties, headers } }
}
