// Decides which news about a subject is still sent, and in which order. News that later news made untrue is not sent.
// Old news is sent only if it goes at once. No news is sent before the news that precedes it. A course says which kinds
// of news do this to which. This file does not know what the subject is.
import type { Channel } from '@orders/shared/contracts'
import { type DeliveryStatus, isOpen, isTaken } from '../deliveries/status.ts'

/** How one kind of news relates to others, by their names. */
export interface Kind {
  /** After one of these it is untrue and never sent. */
  untrueAfter: readonly string[]
  /**
   * After one of these it is old. Old news is sent only if it was not held, was not tried before and has not waited for
   * long.
   */
  oldAfter: readonly string[]
  /** These precede it. It waits for those that are still to be sent. Once it is sent, they are not. */
  follows: readonly string[]
  /**
   * Waits, for a limited time, until this is in the timeline and has not failed. So an operator has time to replay a
   * failed one first.
   */
  awaits?: string
  /** Sent even if news that follows it was sent before, for example because it ends the subject. */
  isAlwaysSaid?: boolean
}

export interface Course {
  /** The kind of an event type. A kind that is not in `kinds` has no rules. */
  kindOf(eventType: string): string
  kinds: Readonly<Record<string, Kind>>
}

/** One notification about the subject, with the standings of its channels. */
export interface Entry {
  id: string
  eventType: string
  createdAt: string
  /** Only the channels that it uses. */
  ways: Partial<Record<Channel, Way>>
}

export interface Way extends Standing {
  /** The digest that contains this notification. If set, its standing counts instead of the own one. */
  digest?: Standing & { id: string }
}

interface Standing {
  status: DeliveryStatus
  attempts: number
  dueAt: string | null
  claimedBy: string | null
}

/** All notifications about the subject, in the order in which they were taken in. */
export type Timeline = readonly Entry[]

/** Longer than a message needs that is sent at once. */
const AT_ONCE_MS = 60_000

/** Whether it was held, was tried before or has waited for long. */
export function isLate({ attempts, dueAt }: Pick<Way, 'attempts' | 'dueAt'>, createdAt: string, now: string): boolean {
  return attempts > 0 || dueAt !== null || Date.parse(now) - Date.parse(createdAt) > AT_ONCE_MS
}

/** The circumstances of the notification about which a caller asks. */
export interface Asking {
  channel: Channel
  isLate: boolean
  /** An operator sends it again: news that is only old is sent all the same. */
  isAgain?: boolean
  /** The digest that contains it. */
  digestId?: string | undefined
}

/** The entry that made it untrue. */
export function untrueSince({ kinds, kindOf }: Course, timeline: Timeline, eventType: string): Entry | undefined {
  const kind = kinds[kindOf(eventType)]
  return timeline.find((entry) => kind?.untrueAfter.includes(kindOf(entry.eventType)))
}

/** The id of the notification that made it obsolete on this channel. */
export function supersededBy(
  course: Course,
  timeline: Timeline,
  eventType: string,
  { channel, isLate: late, isAgain = false, digestId }: Asking,
): string | undefined {
  const { kinds, kindOf } = course
  const name = kindOf(eventType)
  const kind = kinds[name]
  const untrue = untrueSince(course, timeline, eventType)
  if (!kind || untrue || isAgain) return untrue?.id
  const newer = late ? timeline.find((entry) => kind.oldAfter.includes(kindOf(entry.eventType))) : undefined
  return (newer ?? (kind.isAlwaysSaid ? undefined : timeline.find(wasSaidLater)))?.id

  function wasSaidLater({ eventType: other, ways }: Entry): boolean {
    const way = ways[channel]
    return way !== undefined && isSaid(way, digestId) && kinds[kindOf(other)]?.follows.includes(name) === true
  }
}

/** Two entries of one digest are sent together, so neither counts as sent before the other. */
function isSaid({ digest, ...own }: Way, digestId: string | undefined): boolean {
  if (digest && digest.id === digestId) return false
  const { status, claimedBy } = digest ?? own
  return isTaken(status) || status === 'digested' || (isOpen(status) && claimedBy !== null)
}

/** The entries that this news makes untrue. */
export function untrueBy({ kinds, kindOf }: Course, timeline: Timeline, eventType: string): Entry[] {
  const name = kindOf(eventType)
  return timeline.filter(({ eventType: earlier }) => kinds[kindOf(earlier)]?.untrueAfter.includes(name))
}

/** The entries that precede this news and are still true. */
export function truthsBefore(course: Course, timeline: Timeline, eventType: string): Entry[] {
  const { kinds, kindOf } = course
  const kind = kinds[kindOf(eventType)]
  return timeline.filter(
    ({ eventType: earlier }) =>
      kind?.follows.includes(kindOf(earlier)) && untrueSince(course, timeline, earlier) === undefined,
  )
}

interface Waiting {
  now: string
  isUnderWay(claim: string): boolean
}

/**
 * Whether it has to wait for news that precedes it, and why. Entries of the same digest are sent together, so it does
 * not wait for them.
 */
export function waitsForEarlier(
  course: Course,
  timeline: Timeline,
  eventType: string,
  { channel, now, digestId, isUnderWay }: Pick<Asking, 'channel' | 'digestId'> & Waiting,
): 'under way' | 'to be said' | 'unheard' | undefined {
  const { kinds, kindOf } = course
  const kind = kinds[kindOf(eventType)]
  if (!kind) return undefined
  const { follows, awaits } = kind
  const earlier = timeline.filter(
    ({ eventType: other, ways }) =>
      follows.includes(kindOf(other)) && (digestId === undefined || ways[channel]?.digest?.id !== digestId),
  )
  const isBeingSaid = ({ ways }: Entry) => {
    const { claimedBy = null } = ways[channel]?.digest ?? ways[channel] ?? {}
    return claimedBy !== null && isUnderWay(claimedBy)
  }
  if (earlier.some(isBeingSaid)) return 'under way'
  const isToBeSaid = ({ eventType: other, createdAt, ways }: Entry) => {
    const way = ways[channel]
    if (way === undefined) return false
    const { status, dueAt, claimedBy } = way.digest ?? way
    // A failed one with a claim was being sent again by a process that died. Its message is still there.
    const isDue =
      (status === 'failed' ? claimedBy !== null : status === 'waiting') || (status === 'held' && (dueAt ?? '') <= now)
    const asking = { channel, isLate: !way.digest && isLate(way, createdAt, now), digestId: way.digest?.id }
    return isDue && supersededBy(course, timeline, other, asking) === undefined
  }
  // A failed one does not count: it may still be sent from the dead letters.
  const isThere = ({ eventType: other, ways }: Entry) =>
    kindOf(other) === awaits && (ways[channel]?.digest ?? ways[channel])?.status !== 'failed'
  const isMissing = awaits !== undefined && !timeline.some(isThere)
  if (earlier.some(isToBeSaid)) return 'to be said'
  return isMissing ? 'unheard' : undefined
}

/** The timeline with a claimed call, for later members of the same group commit. */
export function withClaim(timeline: Timeline, id: string, channel: Channel, claimedBy: string): Timeline {
  return timeline.map((entry) => {
    const way = entry.ways[channel]
    return entry.id === id && way ? { ...entry, ways: { ...entry.ways, [channel]: { ...way, claimedBy } } } : entry
  })
}
