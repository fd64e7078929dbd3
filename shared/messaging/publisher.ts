// Publishes with confirms. A message is done when the broker has confirmed it and its queues have accepted it.
//
// waiting → sent → confirmed. After a lost connection, sent messages are put in front of the waiting ones, so a message may be
// published twice. That is harmless: ids are deterministic and consumers idempotent. If the broker refuses a message or has no
// queue for it, the caller gets it back and stores it: see refused.ts and until-taken.ts.
//
// A nack may be the channel's own fault. If a channel was opened just when the leader of a quorum queue died, it keeps asking
// the dead node and refuses for that queue until the node is back (`rabbit_fifo_client:enqueue` of RabbitMQ 3.10, on
// `nodedown`). A new channel asks the new leader, so a refusal renews the session.
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
  /** By the monotonic clock. If the wall clock is set back, a silent broker must still be noticed. */
  sentAtMs: number
  /** The broker returned it: no queue is bound. */
  isReturned: boolean
}

/** amqplib's message for a confirm that can no longer come. */
export const CHANNEL_CLOSED = 'channel closed'
/**
 * An old channel may go on refusing after the queue has room again, so the session is renewed. If the refusal lasts, it is
 * renewed more and more rarely.
 */
const RENEWED_PAUSE_MS = 5_000
const RENEWED_PAUSE_MAX_MS = 60_000
/** A broker that is silent for longer is taken for dead, unless it said that it is blocked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** Maximum of unconfirmed messages: enough to keep the broker busy, few enough to repeat after a loss. */
const IN_FLIGHT_MAX = 2_000

export function createPublisher(log: Log, isBlocked: () => boolean) {
  let waiting: Entry[] = []
  const sent = new Set<Entry>()
  /** By route: when the next refusal may renew the session, and how often one has. */
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
    // False means that the socket is full, not that the message was refused. It is buffered, and we wait for `drain`.
    try {
      congested = !channel.publish(exchange, routingKey, body, options, (error) => settle(entry, error))
    } catch (thrown) {
      unsent(entry, asError(thrown))
    }
  }

  /** amqplib throws for a channel that has just closed, and for properties that AMQP cannot carry. */
  function unsent(entry: Entry, error: Error): void {
    if (error instanceof IllegalOperationError) {
      // The entry stays in `sent`, which the next session sends again.
      const ended = current
      current = undefined
      return ended?.session.fail(error)
    }
    sent.delete(entry)
    entry.done.reject(new PermanentError('unpublishable', error.message, { cause: error }))
  }

  function settle(entry: Entry, error: Error | null): void {
    // A closing channel calls back for all its open messages. They stay in `sent`, which the next session sends again.
    if (error?.message === CHANNEL_CLOSED) return
    // A confirm from an earlier session. The message has been put back and is sent again.
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

  /** A new session declares the topology again and asks the queue's new leader. */
  function renew({ exchange, routingKey, properties }: Publication, isReturned: boolean, fault: TransientError): void {
    if (!isReturned) return current?.session.renew(fault)
    log.error(
      { messageId: properties.messageId, exchange, routingKey },
      'no queue is bound for a message: declaring the topology again',
    )
    current?.session.fail(fault)
  }

  /** The broker returns an unroutable message and then acks it. Only the return tells that no queue has it. */
  function onReturn(messageId: string | undefined): void {
    for (const entry of sent) if (entry.publication.properties.messageId === messageId) entry.isReturned = true
  }

  let blockedUntilMs = 0
  const watch = setInterval(() => {
    if (isBlocked()) blockedUntilMs = performance.now()
    const [oldest] = sent
    if (!current || !oldest) return
    // While the broker blocks the connection, it confirms nothing.
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
        // The caller may have stopped listening. What was not confirmed is still in the outbox, or its delivery is unacked.
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
