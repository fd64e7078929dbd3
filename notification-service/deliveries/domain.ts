// Where one channel's part of a notification stands, and what a provider's answer means for it.
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

/** Where one channel's part of a notification stands. */
export interface Delivery {
  notificationId: string
  subject: string
  eventType: string
  channel: Channel
  status: DeliveryStatus
  generation: number
  /** Its provider told that it did not arrive before it was kept here that the provider had taken it. */
  isAhead?: boolean
}

/** What tells the events about one channel apart: `order.paid.email`, and `order.paid.email.2` when it is sent again. */
export function detailOf({ eventType, channel, generation }: Pick<Delivery, 'eventType' | 'channel' | 'generation'>) {
  return generation === 1 ? `${eventType}.${channel}` : `${eventType}.${channel}.${generation}`
}

/** One channel's part of a notification, rendered and ready to go. */
export interface Outgoing {
  notificationId: string
  /** `order.paid`, or `direct`. */
  eventType: string
  orderId: string | null
  channel: Channel
  address: string
  content: Content
  /** Of a mail: what its recipient may unsubscribe by. */
  headers?: Record<string, string>
  createdAt: string
  /** Null, or not there, for what was never held. */
  heldUntil?: string | null
  /** A call that was made before, of which nobody knows what came. */
  call?: Call | null
  /** See `Standing`; 1 where nothing is said. */
  generation?: number
  /** Of a digest: what it says. */
  about?: readonly Pick<Notification, 'id' | 'orderId' | 'eventType'>[]
}

/** From when on it is to go, so from when on an outage keeps it waiting. */
export function dueSince({ heldUntil, createdAt }: Pick<Outgoing, 'heldUntil' | 'createdAt'>): string {
  return heldUntil ?? createdAt
}

/** One call to a provider that failed. */
export interface Attempt {
  notificationId: string
  channel: Channel
  /** Counts from 1, and again from 1 when a dead letter is sent again. */
  attempt: number
  at: string
  provider: string
  /** Of one that a provider took, kept here when it is sent again. */
  providerId?: string
  error: string | null
  durationMs: number
}

/** What a provider said when it took a message, or its stand-in. */
export interface Receipt {
  provider: string
  providerId: string
  isStandIn?: boolean
}

/** A call to a provider of which nobody knows what came, or, while it is claimed, that somebody makes now. */
export interface Call {
  provider: string
  at: string
  /** Who makes it; null once that is over. Nobody else makes it meanwhile. */
  claimedBy: string | null
}

/** Where one channel of a notification stands, and what came of it so far. */
export interface Standing {
  status: DeliveryStatus
  /** Calls to providers that were answered. */
  attempts: number
  provider: string | null
  providerId: string | null
  error: string | null
  /** Of the call that went well. */
  durationMs: number | null
  updatedAt: string
  /** Until when it is, or was, held, and why. */
  dueAt: string | null
  heldBecause: HoldReason | null
  /** The digest that says it, or for which it waits, or did. */
  digestId: string | null
  /** The later news that made it needless. */
  supersededBy: string | null
  /** Counts from 1: each time that an operator says it again begins the next. */
  generation: number
  /** When its turn is, where so many are to go that it has to wait for one; in milliseconds since 1970. */
  turnMs: number | null
  call: Call | null
}

/** A notification, and where each of its channels stands that anything is known of. */
export interface Telling {
  notification: Notification
  standings: Partial<Record<Channel, Standing>>
  /** Attempts that are over, since it was loaded: those that failed, and those before it is sent again. */
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

/** Brought to what was decided of it without a call to a provider. */
export function changed(telling: Telling, channel: Channel, change: Change | undefined, at: string): Telling {
  return change ? withStanding(telling, channel, { error: null, ...change, updatedAt: at }) : telling
}

/** After a call that went well, which leaves nothing open. */
export function sent(
  telling: Telling,
  channel: Channel,
  { provider, providerId, durationMs, isStandIn }: Receipt & { durationMs: number },
  at: string,
): Telling {
  const { status, attempts, error } = standingOf(telling, channel)
  const { isAhead = false } = deliveryOf(telling, channel)
  // It was said already by whom it was taken: that stands.
  if (isTaken(status) && !isAhead) return withStanding(telling, channel, { attempts: attempts + 1, call: null })
  return withStanding(telling, channel, {
    // A digest has said it by now: then it stays so.
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

/** After a call that failed; `open` is the call that may have been taken all the same. */
export function failed(telling: Telling, attempt: Attempt, claim: string, open: Omit<Call, 'claimedBy'> | undefined) {
  const { channel, at: updatedAt, error } = attempt
  const { status, attempts, call } = standingOf(telling, channel)
  const left = open ? { ...open, claimedBy: null } : null
  const after = withStanding(telling, channel, {
    attempts: attempts + 1,
    // It ends this claim and no other.
    call: call?.claimedBy === claim ? left : call,
    // What is sent tells of the call that went well.
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

/** What changes, if anything, and what is said. */
export interface Decision {
  change?: Change
  messages: Message[]
}

export const nothing: Decision = { messages: [] }

/** A provider took it. That may follow a failure: somebody sent the dead letter again. */
export function accepted(delivery: Delivery, { provider, providerId, isStandIn }: Receipt, at: string): Decision {
  if (isTaken(delivery.status) && !delivery.isAhead) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, provider, providerId, ...(isStandIn && { isStandIn }) }
  return {
    change: { status: takenStatus(isStandIn), provider, providerId },
    messages: [NotificationSent.of(subject, at, data, { detail: detailOf(delivery) })],
  }
}

/** Given up, for now: its request lies in the dead letters. */
export function refused(delivery: Delivery, reason: string, at: string): Decision {
  if (!isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const change = { status: 'failed', error: reason } as const
  if (delivery.status === 'failed') return { change, messages: [] }
  const data = { notificationId, channel, reason }
  return { change, messages: [NotificationFailed.of(subject, at, data, { detail: detailOf(delivery) })] }
}

/** The digest says it, together with others. */
export function digested(delivery: Delivery, digestId: string, at: string): Message {
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, digestId }
  return NotificationDigested.of(subject, at, data, { detail: detailOf(delivery) })
}

/** Open again, as if nobody had tried, and of the next generation; what came of it so far is among the attempts. */
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

/** A provider took it, and tells now that it did not arrive. */
export function undelivered(telling: Telling, channel: Channel, error: string): Telling {
  return withStanding(telling, channel, { status: 'undelivered', error })
}

const takenStatus = (isStandIn = false) => (isStandIn ? 'simulated' : 'sent')
