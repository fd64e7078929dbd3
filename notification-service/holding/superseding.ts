// Applies new news to earlier news, in the decision that takes it in. Earlier news that it makes untrue ends, unless a
// call for it is under way. Held news that precedes it is sent along with it.
import { type Channel, channels, type Message } from '@orders/shared/contracts'
import { type Draft, type Known, owned, type Ref } from '@orders/shared/messaging'
import { changed, deliveryOf, standingOf, withStanding } from '../deliveries/domain.ts'
import { superseded } from '../deliveries/endings.ts'
import type { Heading, Notification } from '../domain.ts'
import { tellings } from '../store.ts'
import { type Course, type Entry, supersededBy, truthsBefore, untrueBy } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { requested } from './domain.ts'

/** The timeline itself is already among the reads of the rules. */
export function readsOfSuperseding({ orderId, eventType }: Heading, course: Course, known: Known): Ref[] {
  const timeline = orderId === null ? [] : (known.get(timelines, orderId) ?? [])
  const ended = untrueBy(course, timeline, eventType).filter(isOpen)
  const taken = truthsBefore(course, timeline, eventType).filter(isHeld)
  return [...ended, ...taken].map(({ id }) => owned(tellings, id))
}

const isHeld = ({ ways }: Entry) => Object.values(ways).some(({ status }) => status === 'held')

const isOpen = ({ ways }: Entry) => Object.values(ways).some(({ status }) => status === 'held' || status === 'waiting')

/** Adds the notification to its timeline and ends the news that it makes untrue. */
export function supersedeUntrue(draft: Draft, notification: Notification, at: string, course: Course): Message[] {
  const { id, orderId, eventType, createdAt, addresses } = notification
  if (orderId === null) return []
  const timeline = draft.get(timelines, orderId) ?? []
  const untried = { status: 'waiting', attempts: 0, dueAt: null, claimedBy: null } as const
  const ways = Object.fromEntries(Object.keys(addresses).map((channel) => [channel, untried]))
  draft.set(timelines, orderId, [...timeline, { id, eventType, createdAt, ways }])
  return untrueBy(course, timeline, eventType)
    .filter(isOpen)
    .flatMap((entry) => channels.flatMap((channel) => supersedeUnlessUnderWay(draft, entry.id, channel, id, at)))
}

function supersedeUnlessUnderWay(draft: Draft, id: string, channel: Channel, by: string, at: string): Message[] {
  const telling = draft.get(tellings, id)
  if (telling?.notification.addresses[channel] === undefined) return []
  const { status, call } = standingOf(telling, channel)
  const isUntold = (status === 'held' || status === 'waiting') && call === null
  return isUntold ? supersede(draft, id, channel, by, at) : []
}

export function supersede(draft: Draft, id: string, channel: Channel, by: string, at: string): Message[] {
  const telling = draft.get(tellings, id)
  if (!telling) return []
  const { change, messages } = superseded(deliveryOf(telling, channel), by, at)
  draft.set(tellings, id, changed(telling, channel, change, at))
  return messages
}

/**
 * News that is sent now on these channels releases the held news that precedes it. Otherwise an urgent question that
 * passes the quiet hours would arrive before the news to which it refers.
 */
export function takeAlong(
  draft: Draft,
  { orderId, eventType, createdAt }: Notification,
  now: readonly Channel[],
  course: Course,
): Message[] {
  const timeline = orderId === null || now.length === 0 ? [] : (draft.get(timelines, orderId) ?? [])
  return truthsBefore(course, timeline, eventType)
    .filter(isHeld)
    .flatMap(({ id }) => {
      const telling = draft.get(tellings, id)
      const isTaken = (channel: Channel) =>
        telling !== undefined &&
        standingOf(telling, channel).status === 'held' &&
        supersededBy(course, timeline, telling.notification.eventType, { channel, isLate: true }) === undefined
      const taken = now.filter(isTaken)
      if (!telling || taken.length === 0) return []
      const waiting = { status: 'waiting', updatedAt: createdAt } as const
      draft.set(
        tellings,
        id,
        taken.reduce((before, channel) => withStanding(before, channel, waiting), telling),
      )
      return [requested(telling.notification, taken, createdAt)]
    })
}
