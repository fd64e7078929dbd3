// What an operator sees of one queue: how much waits and since when, and whether it backs up. Pure.
import type { Queue } from '@orders/shared/messaging'
import { type Followed, isNoShorter, waitingSinceMs } from './samples.ts'

/** A queue as the management API describes it. */
export interface Described {
  messages: number
  unacknowledged: number
  consumers: number
  /** Recent rates per second, as the broker counts them. */
  inPerSecond: number
  outPerSecond: number
  /** When the message at the head was published, in seconds since 1970. Only classic queues report it. */
  headAt: number | undefined
}

export interface LookedQueue extends Omit<Described, 'headAt'> {
  queue: string
  /** The service that consumes it. */
  service: string
  /** Null for an empty queue and for a timer, whose messages are meant to wait. */
  oldestSeconds: number | null
  /**
   * `said`: the time since the oldest message was published. `watched`: the time that it has waited at least, by our own
   * observation.
   */
  oldestBy: 'said' | 'watched' | null
  backsUp: 'no_consumer' | 'too_slow' | null
  nextStep: string | null
}

/** For this long the queue must not have become shorter. Anything less is a wave. */
const NO_SHORTER_FOR_MS = 30_000

interface Terms {
  service: string
  /** How old the oldest message of a queue that does not get shorter may be. */
  ageMaxMs: number
  nowMs: number
  /** The time on the clock of the samples. */
  watchMs: number
}

export function lookedAt(
  { name, arguments: own }: Queue,
  described: Described,
  followed: Followed,
  { service, ageMaxMs, nowMs, watchMs }: Terms,
): LookedQueue {
  const { headAt, ...told } = described
  // Messages of a timer return by themselves. Messages with a time limit are worthless later and expire by themselves.
  const isTimer = own['x-dead-letter-exchange'] === ''
  const isPassing = own['x-message-ttl'] !== undefined
  const sinceMs = waitingSinceMs(followed)
  const watchedMs = sinceMs === undefined ? undefined : watchMs - sinceMs
  const oldestMs = headAt === undefined ? watchedMs : Math.max(0, nowMs - headAt * 1_000)
  const isEmpty = isTimer || told.messages === 0 || oldestMs === undefined
  const isTooSlow = !isEmpty && oldestMs > ageMaxMs && isNoShorter(followed, NO_SHORTER_FOR_MS)
  const isWatched = !isTimer && !isPassing && told.messages > 0
  const backsUp = !isWatched ? null : told.consumers === 0 ? 'no_consumer' : isTooSlow ? 'too_slow' : null
  return {
    ...told,
    queue: name,
    service,
    oldestSeconds: isEmpty ? null : Math.floor(oldestMs / 1_000),
    oldestBy: isEmpty ? null : headAt === undefined ? 'watched' : 'said',
    backsUp,
    nextStep: backsUp && nextStepFor(backsUp, service, name),
  }
}

function nextStepFor(backsUp: 'no_consumer' | 'too_slow', service: string, queue: string): string {
  if (backsUp === 'no_consumer')
    return `Start ${service}: ${queue} has no consumer. The messages that wait there are not lost.`
  return `${service} consumes fewer messages than arrive: look at its log and at the systems that it calls, or start a second copy of it.`
}
