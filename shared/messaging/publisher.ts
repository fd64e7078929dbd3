// Publishing with confirms: a message is done when the broker has it and a queue took it, however often that is tried.
//
// waiting → sent → confirmed. A lost connection puts what was sent back in front of what waits. A nack, or no queue at all,
// holds back everything of that route, and nothing else. Nothing is forgotten but by its confirm, so a message may be
// published twice; ids are deterministic and consumers idempotent, so that is harmless.
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
  /** Where it goes: what is refused for one message is refused for all of its route. */
  route: string
  done: Deferred<void>
  /** By the monotonic clock: one that is set back must not keep a silent broker from being taken for dead. */
  sentAtMs: number
  /** The broker found no queue for it. */
  isReturned: boolean
}

/** A route that takes nothing now, with what waits for it. One message is tried now and then; each that is taken frees two more. */
interface Refused {
  entries: Entry[]
  /** In a row, and the last of them: what was sent before it says nothing any more. */
  count: number
  atMs: number
  timer: NodeJS.Timeout | undefined
}

/** amqplib's words for a confirm that can no longer come. */
export const CHANNEL_CLOSED = 'channel closed'
const REFUSED_PAUSE_MS = 1_000
const REFUSED_PAUSE_MAX_MS = 30_000
/** A broker that stays silent for longer is taken for dead, unless it said that it is blocked. */
const CONFIRM_TIMEOUT_MS = 30_000
/** Unconfirmed at one time: enough to keep the broker busy, little enough to repeat after a loss. */
const IN_FLIGHT_MAX = 2_000

export interface Publisher {
  publish(publication: Publication): Promise<void>
  attach(session: Session, channel: ConfirmChannel): void
  detach(): void
  unconfirmed(): number
  /** For people: the routes that take nothing, and how much waits for each. */
  refused(): string[]
  close(): void
}

export function createPublisher(log: Log, isBlocked: () => boolean): Publisher {
  let waiting: Entry[] = []
  const sent = new Set<Entry>()
  const refused = new Map<string, Refused>()
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
    else taken(entry)
    if (waiting.length > 0) pump()
  }

  function taken({ done, route, sentAtMs }: Entry): void {
    done.resolve()
    const open = refused.get(route)
    if (!open || sentAtMs <= open.atMs) return
    open.count = 0
    waiting.push(...open.entries.splice(0, 2))
    if (open.entries.length > 0) return
    clearTimeout(open.timer)
    refused.delete(route)
  }

  /** What else goes there waits as well: each repetition also reaches the queues that take it. */
  function refuse(entry: Entry): void {
    const { route, publication } = entry
    const closed = refused.get(route) ?? { entries: [], count: 0, atMs: 0, timer: undefined }
    if (!refused.has(route)) {
      refused.set(route, closed)
      closed.entries = waiting.filter((other) => other.route === route)
      waiting = waiting.filter((other) => other.route !== route)
    }
    if (entry.isReturned) noQueue(entry, closed.count)
    else if (isWorthRenewal(closed.count)) current?.session.renew(refusal(publication))
    entry.isReturned = false
    closed.atMs = performance.now()
    closed.entries.push(entry)
    if (closed.timer) return
    const pauseMs = Math.min(REFUSED_PAUSE_MS * 2 ** closed.count, REFUSED_PAUSE_MAX_MS)
    closed.count += 1
    closed.timer = setTimeout(() => {
      closed.timer = undefined
      waiting.push(...closed.entries.splice(0, 1))
      pump()
    }, pauseMs)
  }

  /** A new session declares the topology again; a queue that is missing for longer is not worth one at each try. */
  function noQueue({ publication: { exchange, routingKey, properties } }: Entry, count: number): void {
    if (!isWorthRenewal(count)) return
    log.error(
      { messageId: properties.messageId, exchange, routingKey },
      'no queue is bound for a message: declaring the topology again',
    )
    current?.session.fail(new TransientError('unroutable', `no queue is bound for ${routingKey} on '${exchange}'`))
  }

  /** The broker returns an unroutable message first and acks it then: the return alone tells that nobody has it. */
  function onReturn(messageId: string | undefined): void {
    for (const entry of sent) if (entry.publication.properties.messageId === messageId) entry.isReturned = true
  }

  const held = () => [...refused.values()].flatMap(({ entries }) => entries)

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
      const route = `${publication.exchange} ${publication.routingKey}`
      const entry: Entry = { publication, route, done: deferred(), sentAtMs: 0, isReturned: false }
      const closedRoute = refused.get(route)
      if (closedRoute) closedRoute.entries.push(entry)
      else waiting.push(entry)
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
    unconfirmed: () => waiting.length + sent.size + held().length,
    refused: () =>
      [...refused].map(([route, { entries }]) => `'${route}' takes nothing, ${entries.length} messages wait`),
    close() {
      closed = true
      clearInterval(watch)
      for (const { timer } of refused.values()) clearTimeout(timer)
      for (const entry of [...waiting, ...sent, ...held()]) {
        // Nobody may be listening any more; what was not confirmed is still in the outbox or unacked.
        entry.done.promise.catch(() => undefined)
        entry.done.reject(brokerClosed())
      }
    },
  }
}

/** At the first refusal in a row, and then ever more rarely. */
const isWorthRenewal = (count: number) => (count & (count + 1)) === 0

const brokerClosed = () => new TransientError('broker_closed', 'closed before the broker confirmed')

function refusal({ exchange, routingKey }: Publication): TransientError {
  return new TransientError('refused', `the broker refuses ${routingKey} on '${exchange}'`)
}
