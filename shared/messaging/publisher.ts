// Publishing with confirms: a message is done when the broker has it and a queue took it, however often that is tried.
//
// waiting → sent → confirmed. A lost connection puts what was sent back in front of what waits. What the broker refuses, or finds
// no queue for, is given back to whoever keeps it elsewhere, or sent again after a pause that grows. Nothing is forgotten but
// by its confirm, so a message may be published twice; ids are deterministic and consumers idempotent, so that is harmless.
//
// A nack may be the channel's own: one that was opened just when the leader of a quorum queue died keeps asking the dead
// node whether it may publish, and refuses for the queue until that node is back (`rabbit_fifo_client:enqueue` of RabbitMQ
// 3.10, on `nodedown`). A new channel asks the new leader, so a session that refuses is renewed.
import { type ConfirmChannel, IllegalOperationError } from 'amqplib'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, PermanentError, TransientError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { toAmqp } from './amqp.ts'
import { type Publication, type PublishOptions, routeOf } from './broker.ts'
import type { Session } from './connection.ts'

interface Entry {
  publication: Publication
  done: Deferred<void>
  /** By the monotonic clock: one that is set back must not keep a silent broker from being taken for dead. */
  sentAtMs: number
  /** The broker found no queue for it. */
  isReturned: boolean
  /** Refused once, it is given back. */
  isOnce: boolean
  tries: number
}

/** amqplib's words for a confirm that can no longer come. */
export const CHANNEL_CLOSED = 'channel closed'
const REFUSED_PAUSE_MS = 1_000
const REFUSED_PAUSE_MAX_MS = 30_000
/** A queue that is full no longer may say so to a channel for as long as that lives: a session is renewed ever more rarely. */
const RENEWED_PAUSE_MS = 5_000
const RENEWED_PAUSE_MAX_MS = 60_000
/** A broker that stays silent for longer is taken for dead, unless it said that it is blocked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** Unconfirmed at one time: enough to keep the broker busy, little enough to repeat after a loss. */
const IN_FLIGHT_MAX = 2_000

export interface Publisher {
  publish(publication: Publication, options?: PublishOptions): Promise<void>
  attach(session: Session, channel: ConfirmChannel): void
  detach(): void
  unconfirmed(): number
  /** The routes that take nothing now: `exchange routing-key`. */
  refused(): string[]
  close(): void
}

export function createPublisher(log: Log, isBlocked: () => boolean): Publisher {
  let waiting: Entry[] = []
  const sent = new Set<Entry>()
  const paused = new Map<Entry, NodeJS.Timeout>()
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

  function refuse(entry: Entry): void {
    const { publication } = entry
    const route = routeOf(publication)
    const { renewAtMs, renewals } = refusals.get(route) ?? { renewAtMs: 0, renewals: 0 }
    const fault = refusal(publication, entry.isReturned)
    const nowMs = performance.now()
    if (nowMs >= renewAtMs) {
      const pauseMs = Math.min(RENEWED_PAUSE_MS * 2 ** renewals, RENEWED_PAUSE_MAX_MS)
      refusals.set(route, { renewAtMs: nowMs + pauseMs, renewals: renewals + 1 })
      renew(entry, fault)
    }
    entry.isReturned = false
    if (entry.isOnce) return entry.done.reject(fault)
    const timer = setTimeout(
      () => {
        paused.delete(entry)
        waiting.push(entry)
        pump()
      },
      Math.min(REFUSED_PAUSE_MS * 2 ** entry.tries++, REFUSED_PAUSE_MAX_MS),
    )
    paused.set(entry, timer)
  }

  /** A new session declares the topology again, and asks the queue's new leader; for what lasts it is not worth one at each try. */
  function renew({ publication, isReturned }: Entry, fault: TransientError): void {
    if (!isReturned) return current?.session.renew(fault)
    const { exchange, routingKey, properties } = publication
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
    publish(publication, { isOnce = false } = {}) {
      if (closed) return Promise.reject(brokerClosed())
      const entry: Entry = { publication, done: deferred(), sentAtMs: 0, isReturned: false, isOnce, tries: 0 }
      waiting.push(entry)
      pump()
      return entry.done.promise
    },
    attach(session, channel) {
      current = { session, channel }
      congested = false
      channel.on('drain', () => {
        congested = false
        pump()
      })
      channel.on('return', (message) => onReturn(message.properties.messageId))
      pump()
    },
    detach() {
      current = undefined
      waiting = [...[...sent].filter(({ isReturned }) => !isReturned), ...waiting]
      for (const entry of sent) if (entry.isReturned) refuse(entry)
      sent.clear()
    },
    unconfirmed: () => waiting.length + sent.size + paused.size,
    refused: () => [...refusals.keys()],
    close() {
      closed = true
      clearInterval(watch)
      for (const timer of paused.values()) clearTimeout(timer)
      for (const entry of [...waiting, ...sent, ...paused.keys()]) {
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
