// Publishing with confirms: a message is done when the broker has it and its queues took it.
//
// waiting → sent → confirmed. A lost connection puts what was sent back in front of what waits, so a message may be published
// twice; ids are deterministic and consumers idempotent, so that is harmless. What the broker refuses, or finds no queue for, is
// given back to the caller, who has it elsewhere: see refused.ts and until-taken.ts.
//
// A nack may be the channel's own: one that was opened just when the leader of a quorum queue died keeps asking the dead
// node whether it may publish, and refuses for the queue until that node is back (`rabbit_fifo_client:enqueue` of RabbitMQ
// 3.10, on `nodedown`). A new channel asks the new leader, so a session that refuses is renewed.
import { type ConfirmChannel, IllegalOperationError } from 'amqplib'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, PermanentError, TransientError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { toAmqp } from './amqp.ts'
import { type Publication, routeOf } from './broker.ts'
import type { Session } from './connection.ts'

interface Entry {
  publication: Publication
  done: Deferred<void>
  /** By the monotonic clock: one that is set back must not keep a silent broker from being taken for dead. */
  sentAtMs: number
  /** The broker found no queue for it. */
  isReturned: boolean
}

/** amqplib's words for a confirm that can no longer come. */
export const CHANNEL_CLOSED = 'channel closed'
/** A queue that is full no longer may say so to a channel for as long as that lives: a session is renewed ever more rarely. */
const RENEWED_PAUSE_MS = 5_000
const RENEWED_PAUSE_MAX_MS = 60_000
/** A broker that stays silent for longer is taken for dead, unless it said that it is blocked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** Unconfirmed at one time: enough to keep the broker busy, little enough to repeat after a loss. */
const IN_FLIGHT_MAX = 2_000

export function createPublisher(log: Log, isBlocked: () => boolean) {
  let waiting: Entry[] = []
  const sent = new Set<Entry>()
  /** By route: when a refusal is next worth a new session, and how often it was. */
  const refusals = new Map<string, { renewAtMs: number; renewals: number }>()
  let current: { session: Session; channel: ConfirmChannel } | undefined
  let congested = false
  let closed = false

  function pump(): void {
    let next = 0
    while (current && !congested && next < waiting.length && sent.size < IN_FLIGHT_MAX) {
      const entry = waiting[next++]
      if (entry) send(current.channel, entry)
    }
    if (next > 0) waiting = waiting.slice(next)
  }

  function send(channel: ConfirmChannel, entry: Entry): void {
    const { exchange, routingKey, body, properties, persistent = true } = entry.publication
    entry.sentAtMs = performance.now()
    sent.add(entry)
    const options = { ...toAmqp(properties), persistent, mandatory: true }
    // False means the socket is full, not that the message was refused: it is buffered, and we wait for `drain`.
    try {
      congested = !channel.publish(exchange, routingKey, body, options, (error) => settle(entry, error))
    } catch (thrown) {
      unsent(entry, asError(thrown))
    }
  }

  /** amqplib throws for a channel that has just closed, and for what AMQP has no form for. */
  function unsent(entry: Entry, error: Error): void {
    if (error instanceof IllegalOperationError) {
      // It stays among the sent, which the next session sends again.
      const ended = current
      current = undefined
      return ended?.session.fail(error)
    }
    sent.delete(entry)
    entry.done.reject(new PermanentError('unpublishable', error.message, { cause: error }))
  }

  function settle(entry: Entry, error: Error | null): void {
    // With the channel all that is open on it is called back: it stays among the sent, which the next session sends again.
    if (error?.message === CHANNEL_CLOSED) return
    // A confirm of a session that is over: the message is already on its way again.
    if (!sent.delete(entry)) return
    if (error !== null || entry.isReturned) refuse(entry)
    else {
      refusals.delete(routeOf(entry.publication))
      entry.done.resolve()
    }
    if (waiting.length > 0) pump()
  }

  function refuse({ publication, isReturned, done }: Entry): void {
    const route = routeOf(publication)
    const { renewAtMs, renewals } = refusals.get(route) ?? { renewAtMs: 0, renewals: 0 }
    const fault = refusal(publication, isReturned)
    const nowMs = performance.now()
    if (nowMs >= renewAtMs) {
      const pauseMs = Math.min(RENEWED_PAUSE_MS * 2 ** renewals, RENEWED_PAUSE_MAX_MS)
      refusals.set(route, { renewAtMs: nowMs + pauseMs, renewals: renewals + 1 })
      renew(publication, isReturned, fault)
    }
    done.reject(fault)
  }

  /** A new session declares the topology again, and asks the queue's new leader; for what lasts it is not worth one at each try. */
  function renew({ exchange, routingKey, properties }: Publication, isReturned: boolean, fault: TransientError): void {
    if (!isReturned) return current?.session.renew(fault)
    log.error(
      { messageId: properties.messageId, exchange, routingKey },
      'no queue is bound for a message: declaring the topology again',
    )
    current?.session.fail(fault)
  }

  /** The broker returns an unroutable message first and acks it then: the return alone tells that nobody has it. */
  function onReturn(messageId: string | undefined): void {
    for (const entry of sent) if (entry.publication.properties.messageId === messageId) entry.isReturned = true
  }

  let blockedUntilMs = 0
  const watch = setInterval(() => {
    if (isBlocked()) blockedUntilMs = performance.now()
    const [oldest] = sent
    if (!current || !oldest) return
    // While the broker was blocked, nothing could be confirmed.
    if (performance.now() - Math.max(oldest.sentAtMs, blockedUntilMs) > CONFIRM_TIMEOUT_MS)
      current.session.fail(new TransientError('confirm_timeout', `no confirm within ${CONFIRM_TIMEOUT_MS} ms`))
  }, 1_000)
  watch.unref()

  return {
    publish(publication: Publication): Promise<void> {
      if (closed) return Promise.reject(brokerClosed())
      const entry: Entry = { publication, done: deferred(), sentAtMs: 0, isReturned: false }
      waiting.push(entry)
      pump()
      return entry.done.promise
    },
    attach(session: Session, channel: ConfirmChannel): void {
      current = { session, channel }
      congested = false
      channel.on('drain', () => {
        congested = false
        pump()
      })
      channel.on('return', (message) => onReturn(message.properties.messageId))
      pump()
    },
    detach(): void {
      current = undefined
      waiting = [...[...sent].filter(({ isReturned }) => !isReturned), ...waiting]
      for (const entry of sent) if (entry.isReturned) refuse(entry)
      sent.clear()
    },
    unconfirmed: () => waiting.length + sent.size,
    refused: () => [...refusals.keys()],
    close(): void {
      closed = true
      clearInterval(watch)
      for (const entry of [...waiting, ...sent]) {
        // Nobody may be listening any more; what was not confirmed is still in the outbox or unacked.
        entry.done.promise.catch(() => undefined)
        entry.done.reject(brokerClosed())
      }
    },
  }
}

const brokerClosed = () => new TransientError('broker_closed', 'closed before the broker confirmed')

function refusal({ exchange, routingKey }: Publication, isReturned: boolean): TransientError {
  const why = isReturned ? 'no queue is bound for' : 'the broker refuses'
  return new TransientError('refused', `${why} ${routingKey} on '${exchange}'`)
}
