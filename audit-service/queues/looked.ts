// What an operator is told of one queue: how much waits in it and since when, and whether it backs up. Pure.
import type { Queue } from '@orders/shared/messaging'
import { type Followed, isNoShorter, waitingSinceMs } from './samples.ts'

/** As the management API describes a queue. */
export interface Described {
  messages: number
  unacknowledged: number
  consumers: number
  /** A second, lately, as the broker counts them. */
  inPerSecond: number
  outPerSecond: number
  /** When the message at its head was said, in seconds since 1970; only classic queues tell. */
  headAt: number | undefined
}

export interface LookedQueue extends Omit<Described, 'headAt'> {
  queue: string
  /** Who takes from it. */
  service: string
  /** Null for an empty queue, and for a timer, whose messages are meant to wait. */
  oldestSeconds: number | null
  /** `said`: since its oldest message was said; `watched`: it has waited so long at the least, by our own watch. */
  oldestBy: 'said' | 'watched' | null
  backsUp: 'no_consumer' | 'too_slow' | null
  nextStep: string | null
}

/** So long it must have become no shorter: less than that is a wave. */
const NO_SHORTER_FOR_MS = 30_000

interface Terms {
  service: string
  /** How old the oldest message may be in a queue that does not become shorter. */
  ageMaxMs: number
  nowMs: number
  /** By the clock of the samples. */
  watchMs: number
}

export function lookedAt(
  { name, arguments: own }: Queue,
  described: Described,
  followed: Followed,
  { service, ageMaxMs, nowMs, watchMs }: Terms,
): LookedQueue {
  const { headAt, ...told } = described
  // Its messages come back by themselves; or they are worth nothing later, and go by themselves.
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
