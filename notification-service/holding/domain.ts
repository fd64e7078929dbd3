// The messages about a notification on its way to its channels: requested, requested again, held.
import { type Channel, type Message, NotificationHeld, NotificationRequested } from '@orders/shared/contracts'
import { type Delivery, detailOf } from '../deliveries/domain.ts'
import type { HoldReason } from '../deliveries/status.ts'
import { channelsOf, type Notification } from '../domain.ts'

/**
 * Requests these channels, at once or on release. Each channel is requested once, so the channels identify the request.
 */
export function requested(notification: Notification, channels: Channel[], at: string): Message {
  const { id: notificationId, subject, eventType, priority } = notification
  const isWhole = channels.length === channelsOf(notification).length
  const detail = isWhole ? eventType : [eventType, ...channels].join('.')
  return NotificationRequested.of(subject, at, { notificationId, channels }, { detail, priority })
}

/** Requests one channel once more. */
export function requestedAgain(notification: Notification, delivery: Delivery, reason: string, at: string): Message {
  const { id: notificationId, subject, priority } = notification
  const { channel, generation } = delivery
  const data = { notificationId, channels: [channel], again: { generation, reason } }
  return NotificationRequested.of(subject, at, data, { detail: detailOf(delivery), priority })
}

/**
 * The event about news of an order that a rule holds, so that the order's story shows why it is not sent yet. Nothing
 * is published for a notification that has its own `sendAt`: nobody expects it earlier.
 */
export function held(
  { id: notificationId, subject, eventType, orderId }: Notification,
  { channel, reason, dueAt: until }: { channel: Channel; reason: HoldReason; dueAt: string },
  at: string,
): Message[] {
  if (orderId === null || reason === 'send_at') return []
  // A channel can be held several times, each time until a later instant.
  const detail = `${eventType}.${channel}.${until}`
  return [NotificationHeld.of(subject, at, { notificationId, channel, reason, until }, { detail })]
}
