// How one channel of a notification ends without being sent, and which event says so.
import {
  NotificationCancelled,
  NotificationExpired,
  NotificationOptedOut,
  NotificationSuperseded,
} from '@orders/shared/contracts'
import { type Decision, type Delivery, detailOf, nothing } from './domain.ts'
import { type Ended, isOpen } from './status.ts'

const endings = {
  expired: NotificationExpired,
  cancelled: NotificationCancelled,
  opted_out: NotificationOptedOut,
} as const

/** Ends it unsent. If it is sent or has ended already, nothing changes. */
export function ended(delivery: Delivery, status: Ended, at: string): Decision {
  if (delivery.status !== 'held' && !isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel }
  return {
    change: { status },
    messages: [endings[status].of(subject, at, data, { detail: detailOf(delivery) })],
  }
}

/** Later news made it obsolete. If a digest contains it, it is removed from there. */
export function superseded(delivery: Delivery, by: string, at: string): Decision {
  if (delivery.status !== 'held' && delivery.status !== 'digested' && !isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, supersededBy: by }
  return {
    change: { status: 'superseded', supersededBy: by },
    messages: [NotificationSuperseded.of(subject, at, data, { detail: detailOf(delivery) })],
  }
}
