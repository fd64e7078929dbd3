// The standing of one channel of a notification, and how a provider's answer changes it.
import {
  type Channel,
  type Message,
  NotificationDigested,
  NotificationFailed,
  NotificationSent,
} from '@orders/shared/contracts'
import type { Content } from '../content.ts'
import type { Notification } from '../domain.ts'
import { type DeliveryStatus, type HoldReason, isOpen, isTaken } from './status.ts'

/** One channel's part of a notification, as decisions and events see it. */
export interface Delivery {
  notificationId: string
  subject: string
  eventType: string
  channel: Channel
  status: DeliveryStatus
  generation: number
  /** The provider reported that the message did not arrive before its acceptance was stored here. */
  isAhead?: boolean
}

/** The event detail of one channel: `order.paid.email`, or `order.paid.email.2` when an operator sends it again. */
export function detailOf({ eventType, channel, generation }: Pick<Delivery, 'eventType' | 'channel' | 'generation'>) {
  return generation === 1 ? `${eventType}.${channel}` : `${eventType}.${channel}.${generation}`
}

/** One channel's part of a notification, rendered and ready to be sent. */
export interface Outgoing {
  notificationId: string
  /** `order.paid`, or `direct`. */
  eventType: string
  orderId: string | null
  channel: Channel
  address: string
  content: Content
  /** Of a mail: the headers by which its recipient can unsubscribe. */
  headers?: Record<string, string>
  createdAt: string
  /** Null or missing if it was never held. */
  heldUntil?: string | null
  /** An earlier call whose outcome is unknown. */
  call?: Call | null
  /** See `Standing`. 1 if missing. */
  generation?: number
  /** Of a digest: its members. */
  about?: readonly Pick<Notification, 'id' | 'orderId' | 'eventType'>[]
}

/** The time at which it was to be sent. Patience with an outage counts from here. */
export function dueSince({ heldUntil, createdAt }: Pick<Outgoing, 'heldUntil' | 'createdAt'>): string {
  return heldUntil ?? createdAt
}

/** One call to a provider that failed. */
export interface Attempt {
  notificationId: string
  channel: Channel
  /** Counts from 1, and again from 1 when a dead letter is replayed. */
  attempt: number
  at: string
  provider: string
  /** Set for an accepted call. It becomes an attempt when an operator sends the notification again. */
  providerId?: string
  error: string | null
  durationMs: number
}

/** The answer of a provider, or its stand-in, that accepted a message. */
export interface Receipt {
  provider: string
  providerId: string
  isStandIn?: boolean
}

/** A call to a provider: under way while it is claimed, otherwise of unknown outcome. */
export interface Call {
  provider: string
  at: string
  /** The claim under which the call is made; null once it is over. No other copy calls while it stands. */
  claimedBy: string | null
}

/** The state of one channel of a notification. */
export interface Standing {
  status: DeliveryStatus
  /** Number of calls to providers that have ended. */
  attempts: number
  provider: string | null
  providerId: string | null
  error: string | null
  /** Duration of the call that succeeded. */
  durationMs: number | null
  updatedAt: string
  /** Until when, and why, it is held, or was held last. */
  dueAt: string | null
  heldBecause: HoldReason | null
  /** The digest that contains it or contained it, or for which it waits. */
  digestId: string | null
  /** The later notification that made this one obsolete. */
  supersededBy: string | null
  /** Counts from 1. Each time an operator sends it again, the next generation begins. */
  generation: number
  /** Its reserved turn under the channel's rate limit, in milliseconds since 1970. */
  turnMs: number | null
  call: Call | null
}

/** A notification with the standings of its channels. A channel without a standing is untried. */
export interface Telling {
  notification: Notification
  standings: Partial<Record<Channel, Standing>>
  /** Attempts to add since it was loaded: failed calls, and the accepted call that a repeat replaces. */
  failures: readonly Attempt[]
}

export function standingOf({ notification, standings }: Telling, channel: Channel): Standing {
  return standings[channel] ?? { ...UNTRIED, updatedAt: notification.createdAt }
}

const UNTRIED = {
  status: 'waiting',
  attempts: 0,
  provider: null,
  providerId: null,
  error: null,
  durationMs: null,
  dueAt: null,
  heldBecause: null,
  digestId: null,
  supersededBy: null,
  generation: 1,
  turnMs: null,
  call: null,
} as const

export function withStanding(telling: Telling, channel: Channel, change: Partial<Standing>): Telling {
  const standing = { ...standingOf(telling, channel), ...change }
  return { ...telling, standings: { ...telling.standings, [channel]: standing } }
}

export function deliveryOf(telling: Telling, channel: Channel): Delivery {
  const { id: notificationId, subject, eventType } = telling.notification
  const { status, generation, provider } = standingOf(telling, channel)
  const isAhead = status === 'undelivered' && provider === null
  return { notificationId, subject, eventType, channel, status, generation, ...(isAhead && { isAhead }) }
}

/** The notification after a decision that involved no call. */
export function changed(telling: Telling, channel: Channel, change: Change | undefined, at: string): Telling {
  return change ? withStanding(telling, channel, { error: null, ...change, updatedAt: at }) : telling
}

/** The notification after a successful call, which leaves no open call. */
export function sent(
  telling: Telling,
  channel: Channel,
  { provider, providerId, durationMs, isStandIn }: Receipt & { durationMs: number },
  at: string,
): Telling {
  const { status, attempts, error } = standingOf(telling, channel)
  const { isAhead = false } = deliveryOf(telling, channel)
  // A provider accepted an earlier call: its receipt stays.
  if (isTaken(status) && !isAhead) return withStanding(telling, channel, { attempts: attempts + 1, call: null })
  return withStanding(telling, channel, {
    // A digest contains it meanwhile, so it stays `digested`.
    status: status === 'digested' || isAhead ? status : takenStatus(isStandIn),
    attempts: attempts + 1,
    provider,
    providerId,
    durationMs,
    error: isAhead ? error : null,
    call: null,
    updatedAt: at,
  })
}

/** The notification after a failed call. `open` is set if the provider may have accepted it all the same. */
export function failed(telling: Telling, attempt: Attempt, claim: string, open: Omit<Call, 'claimedBy'> | undefined) {
  const { channel, at: updatedAt, error } = attempt
  const { status, attempts, call } = standingOf(telling, channel)
  const left = open ? { ...open, claimedBy: null } : null
  const after = withStanding(telling, channel, {
    attempts: attempts + 1,
    // Ends this claim only, not a later one.
    call: call?.claimedBy === claim ? left : call,
    // The standing of an accepted message keeps describing the successful call.
    ...(!isTaken(status) && { error, updatedAt }),
  })
  return { ...after, failures: [...telling.failures, attempt] }
}

export interface Change {
  status: DeliveryStatus
  provider?: string
  providerId?: string
  error?: string
  supersededBy?: string
}

/** The change of the standing, if any, and the messages to publish. */
export interface Decision {
  change?: Change
  messages: Message[]
}

export const nothing: Decision = { messages: [] }

/** A provider accepted it. It may have failed before, if its dead letter was replayed. */
export function accepted(delivery: Delivery, { provider, providerId, isStandIn }: Receipt, at: string): Decision {
  if (isTaken(delivery.status) && !delivery.isAhead) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, provider, providerId, ...(isStandIn && { isStandIn }) }
  return {
    change: { status: takenStatus(isStandIn), provider, providerId },
    messages: [NotificationSent.of(subject, at, data, { detail: detailOf(delivery) })],
  }
}

/** Given up for now. Unless the address is suppressed or there is none, its request is a dead letter that can be replayed. */
export function refused(delivery: Delivery, reason: string, at: string): Decision {
  if (!isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const change = { status: 'failed', error: reason } as const
  if (delivery.status === 'failed') return { change, messages: [] }
  const data = { notificationId, channel, reason }
  return { change, messages: [NotificationFailed.of(subject, at, data, { detail: detailOf(delivery) })] }
}

/** The event that a digest now contains it. */
export function digested(delivery: Delivery, digestId: string, at: string): Message {
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, digestId }
  return NotificationDigested.of(subject, at, data, { detail: detailOf(delivery) })
}

/** The notification with this channel untried again, in the next generation. An accepted call is kept as an attempt. */
export function again(telling: Telling, channel: Channel, at: string): Telling {
  const { status, attempts, provider, providerId, error, durationMs, generation, updatedAt, dueAt } = standingOf(
    telling,
    channel,
  )
  const fresh = { ...UNTRIED, status: 'waiting', dueAt, generation: generation + 1, updatedAt: at } as const
  const after = withStanding(telling, channel, fresh)
  const wasTaken = status === 'sent' || status === 'undelivered'
  if (!wasTaken || provider === null || providerId === null || durationMs === null) return after
  const { id: notificationId } = telling.notification
  const taken = { notificationId, channel, attempt: attempts, at: updatedAt, provider, providerId, error, durationMs }
  return { ...after, failures: [...after.failures, taken] }
}

/** The provider accepted the message and now reports that it did not arrive. */
export function undelivered(telling: Telling, channel: Channel, error: string): Telling {
  return withStanding(telling, channel, { status: 'undelivered', error })
}

const takenStatus = (isStandIn = false) => (isStandIn ? 'simulated' : 'sent')
