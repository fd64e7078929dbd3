// What is said about one subject follows the course of that subject: nothing is said once later news has made it untrue, what is old
// by then only where it is said at once, and nothing before what comes before it. Which news makes what untrue, a course says; what
// the subject is, nobody here knows.
import type { Channel } from '@orders/shared/contracts'
import { type DeliveryStatus, isTaken } from '../deliveries/status.ts'

/** How one kind of news stands to the others; all by their names. */
export interface Kind {
  /** Once one of these was heard, it is not true any more, and never said. */
  untrueAfter: readonly string[]
  /** Once one of these was heard, it is old: it is said only if it was not held, not tried before, and has not waited for long. */
  oldAfter: readonly string[]
  /** These come before it: it waits for those that are still to be said, and they are not said after it. */
  follows: readonly string[]
  /** This must have been heard before it is said; where it failed, there is time to send it again before. */
  awaits?: string
  /** Said whatever was said before it: what ends the subject. */
  isAlwaysSaid?: boolean
}

export interface Course {
  /** The kind that an event type is of; one that `kinds` does not have follows nothing. */
  kindOf(eventType: string): string
  kinds: Readonly<Record<string, Kind>>
}

/** One notification about the subject, and where its channels stand. */
export interface Entry {
  id: string
  eventType: string
  createdAt: string
  /** Only those that it goes by. */
  ways: Partial<Record<Channel, Way>>
}

export interface Way extends Standing {
  /** What a digest says is said with it. */
  digest?: Standing & { id: string }
}

interface Standing {
  status: DeliveryStatus
  attempts: number
  dueAt: string | null
  claimedBy: string | null
}

/** All that was heard of the subject, each with its notification, in the order of their taking in. */
export type Timeline = readonly Entry[]

/** Long enough for every message that goes at once. */
const AT_ONCE_MS = 60_000

/** Whether it was held, failed before, or has waited for long. */
export function isLate({ attempts, dueAt }: Pick<Way, 'attempts' | 'dueAt'>, createdAt: string, now: string): boolean {
  return attempts > 0 || dueAt !== null || Date.parse(now) - Date.parse(createdAt) > AT_ONCE_MS
}

/** How it stands with whoever asks. */
export interface Asking {
  channel: Channel
  isLate: boolean
  /** An operator's own word: what is only old is said all the same. */
  isAgain?: boolean
  /** The digest that says it. */
  digestId?: string | undefined
}

/** What has made it untrue. */
export function untrueSince({ kinds, kindOf }: Course, timeline: Timeline, eventType: string): Entry | undefined {
  const kind = kinds[kindOf(eventType)]
  return timeline.find((entry) => kind?.untrueAfter.includes(kindOf(entry.eventType)))
}

/** What has made it needless by this channel: the id of that notification. */
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

/** Not before what stands in the same digest. */
function isSaid({ digest, ...own }: Way, digestId: string | undefined): boolean {
  if (digest && digest.id === digestId) return false
  const { status, claimedBy } = digest ?? own
  return isTaken(status) || status === 'digested' || (status === 'waiting' && claimedBy !== null)
}

/** What this news makes untrue. */
export function untrueBy({ kinds, kindOf }: Course, timeline: Timeline, eventType: string): Entry[] {
  const name = kindOf(eventType)
  return timeline.filter(({ eventType: earlier }) => kinds[kindOf(earlier)]?.untrueAfter.includes(name))
}

/** What comes before this news and is still true. */
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

/** Whether it has to wait for what comes before it, and why. What stands in the same digest is said with it. */
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
    const { status, dueAt } = way.digest ?? way
    const isDue = status === 'waiting' || (status === 'held' && (dueAt ?? '') <= now)
    const asking = { channel, isLate: !way.digest && isLate(way, createdAt, now), digestId: way.digest?.id }
    return isDue && supersededBy(course, timeline, other, asking) === undefined
  }
  // One that failed may still be sent again.
  const isThere = ({ eventType: other, ways }: Entry) =>
    kindOf(other) === awaits && (ways[channel]?.digest ?? ways[channel])?.status !== 'failed'
  const isMissing = awaits !== undefined && !timeline.some(isThere)
  if (earlier.some(isToBeSaid)) return 'to be said'
  return isMissing ? 'unheard' : undefined
}

/** With the call to its provider claimed, for whoever decides after it in the same group. */
export function withClaim(timeline: Timeline, id: string, channel: Channel, claimedBy: string): Timeline {
  return timeline.map((entry) => {
    const way = entry.ways[channel]
    return entry.id === id && way ? { ...entry, ways: { ...entry.ways, [channel]: { ...way, claimedBy } } } : entry
  })
}
