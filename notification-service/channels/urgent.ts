// Sends urgent notifications directly from the database while the broker is away. It runs the channel's own handler,
// and so uses the same claim. When the broker is back and delivers the request, the handler finds it sent.
import { type Channel, channels, type Message } from '@orders/shared/contracts'
import {
  type Broker,
  createReading,
  DEFAULT_PATIENCE,
  type Draft,
  type GroupCommit,
  type Handler,
  remedyFor,
} from '@orders/shared/messaging'
import { asError, errorCode, type Log, PermanentError, TransientError } from '@orders/shared/runtime'
import type { Reader } from '@orders/shared/storage'
import { standingOf } from '../deliveries/domain.ts'
import { requested } from '../holding/domain.ts'
import { findTelling, tellings } from '../store.ts'
import { MAIL_TIMEOUT_MS } from './email.ts'
import { urgentAndUnsent } from './store.ts'

interface Options {
  broker: Pick<Broker, 'status'>
  database: Reader
  commit: Pick<GroupCommit, 'submit'>
  log: Log
  now: () => Date
  handlers: Record<Channel, Handler>
  /** How long the broker must have been away. */
  afterMs: number
}

interface Due {
  notificationId: string
  channel: Channel
  attempt: number
}

const LOOK_EVERY_MS = 1_000
const BATCH = 200
/** Concurrent calls of one channel. */
const AT_ONCE = 16
/** Older notifications wait for the broker. */
const AGE_MAX_MS = 86_400_000

/** Runs until it is closed. Calls that are under way then are left to the notification's message. */
export function watchUrgent(options: Options): { close(): Promise<void> } {
  const { broker, database, commit, log, now, handlers, afterMs } = options
  const closing = new AbortController()
  const read = createReading(database)
  let awaySinceMs: number | undefined
  /** By channel, so that no channel waits for another's provider. */
  const looking = new Map<Channel, Promise<void>>()

  function isAway(): boolean {
    const { fault } = broker.status()
    if (fault === undefined) awaySinceMs = undefined
    else awaySinceMs ??= performance.now()
    return awaySinceMs !== undefined && performance.now() - awaySinceMs >= afterMs
  }

  async function look(channel: Channel): Promise<void> {
    const due = await dueNow(database, channel, now())
    for (let at = 0; at < due.length && isAway() && !closing.signal.aborted; at += AT_ONCE)
      await Promise.all(due.slice(at, at + AT_ONCE).map(sendOne))
  }

  async function sendOne({ notificationId, channel, attempt }: Due): Promise<void> {
    const telling = await findTelling(database, notificationId)
    if (!telling) return
    const { notification } = telling
    const event = { ...requested(notification, [channel], notification.createdAt), source: '/notification-service' }
    const handler = handlers[channel]
    const facts = { notificationId, channel, attempt }
    const context = () => ({ now: now().toISOString(), attempt, redelivered: true })
    const decide = (say: (draft: Draft) => Message[], reads = handler.reads) =>
      commit.submit(
        {
          reads: (known) => reads(event, known),
          decide: (draft) => ({ result: undefined, messages: say(draft) }),
        },
        { causationId: event.id },
      )
    try {
      const signal = AbortSignal.any([closing.signal, AbortSignal.timeout(MAIL_TIMEOUT_MS)])
      const answer = await handler.ask?.(event, { ...context(), read, signal })
      await decide((draft) => handler.decide(event, draft, context(), answer))
      log.info(facts, 'sent without the broker')
    } catch (thrown) {
      const error = asError(thrown)
      if (closing.signal.aborted) return
      const why = { ...facts, code: errorCode(error), why: error.message }
      if (error instanceof TransientError && error.isUntried) return log.debug(why, 'not tried without the broker')
      if (!(error instanceof PermanentError)) return log.warn(why, 'failed without the broker, will be tried again')
      log.error(why, 'gave up without the broker')
      const say = (draft: Draft) => handler.giveUp?.(event, draft, context(), failureOf(error)) ?? []
      await decide(say, handler.readsToGiveUp)
    }
  }

  const interval = setInterval(() => {
    if (!isAway()) return
    for (const channel of channels.filter((one) => !looking.has(one))) {
      const oneLook = look(channel)
        .catch((error: unknown) => log.warn({ err: asError(error) }, 'cannot look for urgent notifications'))
        .finally(() => looking.delete(channel))
      looking.set(channel, oneLook)
    }
  }, LOOK_EVERY_MS)
  interval.unref()

  return {
    async close() {
      clearInterval(interval)
      closing.abort()
      await Promise.all(looking.values())
    },
  }
}

/**
 * The notifications to try now. Attempts have the same waits as those of a message. After the last one the notification
 * waits for the broker.
 */
async function dueNow(database: Reader, channel: Channel, at: Date): Promise<Due[]> {
  const since = new Date(at.getTime() - AGE_MAX_MS).toISOString()
  const due: Due[] = []
  const ids = await urgentAndUnsent(database, channel, since, BATCH)
  const known = await tellings.load(database, ids)
  for (const telling of ids.flatMap((id) => known.get(id) ?? [])) {
    const { status, attempts, updatedAt } = standingOf(telling, channel)
    if (status === 'waiting' && at.getTime() >= Date.parse(updatedAt) + waitMsAfter(attempts))
      due.push({ notificationId: telling.notification.id, channel, attempt: attempts + 1 })
  }
  return due
}

function waitMsAfter(attempts: number): number {
  if (attempts === 0) return 0
  const remedy = remedyFor(new Error('tried before'), { attempt: attempts, forMs: 0 }, DEFAULT_PATIENCE, 0)
  return remedy.kind === 'retry' ? remedy.waitMs : Number.POSITIVE_INFINITY
}

function failureOf(error: Error) {
  return { error, reason: `${errorCode(error)}: ${error.message}` }
}
