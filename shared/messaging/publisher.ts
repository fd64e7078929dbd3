// Publishing with confirms: a message is done when the broker has it and a queue took it, however often that is tried.
//
// waiting → sent → confirmed. A lost connection puts what was sent back in front of what waits; a nack or a missing
// route puts it back after a pause. Nothing is forgotten but by its confirm, so a message may be published twice; ids
// are deterministic and consumers idempotent, so that is harmless.
//
// A nack may be the channel's own: one that was opened just when the leader of a quorum queue died keeps asking the dead
// node whether it may publish, and refuses for the queue until that node is back (`rabbit_fifo_client:enqueue` of RabbitMQ
// 3.10, on `nodedown`). A new channel asks the new leader, so a session that refuses is renewed.
import { type ConfirmChannel, IllegalOperationError } from 'amqplib'
import { type Deferred, deferred } from '../runtime/deferred.ts'
import { asError, PermanentError, TransientError } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { toAmqp } from './amqp.ts'
import type { Publication } from './broker.ts'
import type { Session } from './connection.ts'

interface Entry {
  publication: Publication
  done: Deferred<void>
  /** By the monotonic clock: one that is set back must not keep a silent broker from being taken for dead. */
  sentAtMs: number
}

/** amqplib's words for a confirm that can no longer come. */
export const CHANNEL_CLOSED = 'channel closed'
const RETRY_PAUSE_MS = 1_000
/** A broker that stays silent for longer is taken for dead, unless it said that it is blocked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** Unconfirmed at one time: enough to keep the broker busy, little enough to repeat after a loss. */
const IN_FLIGHT_MAX = 2_000

export interface Publisher {
  publish(publication: Publication): Promise<void>
  attach(session: Session, channel: ConfirmChannel): void
  detach(): void
  unconfirmed(): number
  /** Why nothing leaves although the connection is up, for people. */
  fault(): string | undefined
  close(): void
}

export function createPublisher(log: Log, isBlocked: () => boolean): Publisher {
  let waiting: Entry[] = []
  const sent = new Set<Entry>()
  const paused = new Map<Entry, NodeJS.Timeout>()
  const unroutable = new Set<Entry>()
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
      refused(entry, asError(thrown))
    }
  }

  /** amqplib throws for a channel that has just closed, and for what AMQP has no form for. */
  function refused(entry: Entry, error: Error): void {
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
    const nacked = error !== null
    if (nacked || unroutable.has(entry)) later(entry)
    else entry.done.resolve()
    if (nacked) current?.session.renew(refusal(entry.publication))
    if (waiting.length > 0) pump()
  }

  function later(entry: Entry): void {
    const timer = setTimeout(() => {
      paused.delete(entry)
      unroutable.delete(entry)
      waiting.push(entry)
      pump()
    }, RETRY_PAUSE_MS)
    paused.set(entry, timer)
  }

  /** The broker returns an unroutable message first and acks it then: the return alone tells that nobody has it. */
  function onReturn(messageId: string | undefined, session: Session): void {
    const returned = [...sent].filter((entry) => entry.publication.properties.messageId === messageId)
    for (const entry of returned) unroutable.add(entry)
    const [first] = returned
    if (!first) return
    const { exchange, routingKey } = first.publication
    log.error({ messageId, exchange, routingKey }, 'no queue is bound for a message: declaring the topology again')
    session.fail(new TransientError('unroutable', `no queue is bound for ${routingKey} on '${exchange}'`))
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
    publish(publication) {
      if (closed) return Promise.reject(brokerClosed())
      const entry: Entry = { publication, done: deferred(), sentAtMs: 0 }
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
      channel.on('return', (message) => onReturn(message.properties.messageId, session))
      pump()
    },
    detach() {
      current = undefined
      waiting = [...[...sent].filter((entry) => !unroutable.has(entry)), ...waiting]
      for (const entry of sent) if (unroutable.has(entry)) later(entry)
      sent.clear()
    },
    unconfirmed: () => waiting.length + sent.size + paused.size,
    fault: () => (unroutable.size > 0 ? `${unroutable.size} messages find no queue` : undefined),
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

function refusal({ exchange, routingKey }: Publication): TransientError {
  return new TransientError('refused', `the broker refuses ${routingKey} on '${exchange}'`)
}
