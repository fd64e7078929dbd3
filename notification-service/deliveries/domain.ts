// Where one channel's part of a notification stands, and what a provider's answer means for it.
import {
  type Channel,
  type Message,
  NotificationCancelled,
  NotificationDigested,
  NotificationExpired,
  NotificationFailed,
  NotificationOptedOut,
  NotificationSent,
} from '@orders/shared/contracts'
import type { Content } from '../content.ts'

/** Ended without having been said. */
export type Ended = 'expired' | 'cancelled' | 'opted_out'

/** `held`: not asked for yet, see `holding`. `waiting`: asked for. A failed one may still be sent, from the dead letters. */
export type DeliveryStatus = 'held' | 'waiting' | 'sent' | 'failed' | 'digested' | Ended

/** Where one channel's part of a notification stands. */
export interface Delivery {
  notificationId: string
  subject: string
  eventType: string
  channel: Channel
  status: DeliveryStatus
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
}

/** From when on it is to go, so from when on an outage keeps it waiting. */
export function dueSince({ heldUntil, createdAt }: Pick<Outgoing, 'heldUntil' | 'createdAt'>): string {
  return heldUntil ?? createdAt
}

/** One call to a provider and what came of it. */
export interface Attempt {
  notificationId: string
  channel: Channel
  /** Counts from 1, and again from 1 when a dead letter is sent again. */
  attempt: number
  at: string
  provider: string
  /** What the provider calls the message; null when it did not accept it. */
  providerId: string | null
  /** Null when the provider accepted. */
  error: string | null
  durationMs: number
}

/** What a provider said when it took a message. */
export interface Receipt {
  provider: string
  providerId: string
}

export interface Change {
  status: DeliveryStatus
  provider?: string
  providerId?: string
  error?: string
}

/** What changes, if anything, and what is said. */
export interface Decision {
  change?: Change
  messages: Message[]
}

const nothing: Decision = { messages: [] }

/** A provider took it. That may follow a failure: somebody sent the dead letter again. */
export function accepted(delivery: Delivery, { provider, providerId }: Receipt, at: string): Decision {
  if (delivery.status === 'sent') return nothing
  const { notificationId, subject, eventType, channel } = delivery
  const data = { notificationId, channel, provider, providerId }
  return {
    change: { status: 'sent', provider, providerId },
    messages: [NotificationSent.of(subject, at, data, { detail: `${eventType}.${channel}` })],
  }
}

/** Given up, for now: its request lies in the dead letters. */
export function refused(delivery: Delivery, reason: string, at: string): Decision {
  if (!isOpen(delivery.status)) return nothing
  const { notificationId, subject, eventType, channel } = delivery
  const change = { status: 'failed', error: reason } as const
  if (delivery.status === 'failed') return { change, messages: [] }
  const data = { notificationId, channel, reason }
  return { change, messages: [NotificationFailed.of(subject, at, data, { detail: `${eventType}.${channel}` })] }
}

const endings = {
  expired: NotificationExpired,
  cancelled: NotificationCancelled,
  opted_out: NotificationOptedOut,
} as const

/** It will not be said any more; what is sent, or has ended already, stays as it is. */
export function ended(delivery: Delivery, status: Ended, at: string): Decision {
  if (delivery.status !== 'held' && !isOpen(delivery.status)) return nothing
  const { notificationId, subject, eventType, channel } = delivery
  const data = { notificationId, channel }
  return {
    change: { status },
    messages: [endings[status].of(subject, at, data, { detail: `${eventType}.${channel}` })],
  }
}

/** The digest says it, together with others. */
export function digested(
  { notificationId, subject, eventType, channel }: Delivery,
  digestId: string,
  at: string,
): Message {
  const data = { notificationId, channel, digestId }
  return NotificationDigested.of(subject, at, data, { detail: `${eventType}.${channel}` })
}

/** Whether a request for it that arrives now is to be sent. */
export function isOpen(status: DeliveryStatus): boolean {
  return status === 'waiting' || status === 'failed'
}

/** The one that somebody may have to act on comes first. */
const STANDING: readonly DeliveryStatus[] = [
  'failed',
  'waiting',
  'held',
  'sent',
  'digested',
  'expired',
  'cancelled',
  'opted_out',
]

/** A notification's status: that of its weakest channel. */
export function statusOf(deliveries: readonly { status: DeliveryStatus }[]): DeliveryStatus {
  return STANDING.find((status) => deliveries.some((delivery) => delivery.status === status)) ?? 'sent'
}
