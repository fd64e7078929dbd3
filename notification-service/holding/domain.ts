// What is said of a notification on its way to its channels: that they are asked, now or again, and that one is held.
import { type Channel, type Message, NotificationHeld, NotificationRequested } from '@orders/shared/contracts'
import { type Delivery, detailOf } from '../deliveries/domain.ts'
import type { HoldReason } from '../deliveries/status.ts'
import { channelsOf, type Notification } from '../domain.ts'

/**
 * Asks for these channels, at once or when they are released. Each channel is asked for once, so a part of a
 * notification is known by its channels.
 */
export function requested(notification: Notification, channels: Channel[], at: string): Message {
  const { id: notificationId, subject, eventType, priority } = notification
  const isWhole = channels.length === channelsOf(notification).length
  const detail = isWhole ? eventType : [eventType, ...channels].join('.')
  return NotificationRequested.of(subject, at, { notificationId, channels }, { detail, priority })
}

/** Asks for one channel once more. */
export function requestedAgain(notification: Notification, delivery: Delivery, reason: string, at: string): Message {
  const { id: notificationId, subject, priority } = notification
  const { channel, generation } = delivery
  const data = { notificationId, channels: [channel], again: { generation, reason } }
  return NotificationRequested.of(subject, at, data, { detail: detailOf(delivery), priority })
}

/**
 * Of an order's news that a rule holds, so that nobody who reads the order's story misses them. What has its own time to
 * send is not missed before.
 */
export function held(
  { id: notificationId, subject, eventType, orderId }: Notification,
  { channel, reason, dueAt: until }: { channel: Channel; reason: HoldReason; dueAt: string },
  at: string,
): Message[] {
  if (orderId === null || reason === 'send_at') return []
  // A channel can be held more than once, each time until later.
  const detail = `${eventType}.${channel}.${until}`
  return [NotificationHeld.of(subject, at, { notificationId, channel, reason, until }, { detail })]
}
