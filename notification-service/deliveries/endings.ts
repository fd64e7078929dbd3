// How one channel's part of a notification ends that nobody is told, and what is said of it.
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

/** It will not be said any more; what is sent, or has ended already, stays as it is. */
export function ended(delivery: Delivery, status: Ended, at: string): Decision {
  if (delivery.status !== 'held' && !isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel }
  return {
    change: { status },
    messages: [endings[status].of(subject, at, data, { detail: detailOf(delivery) })],
  }
}

/** Later news has made it needless; what a digest has taken in is taken out of it. */
export function superseded(delivery: Delivery, by: string, at: string): Decision {
  if (delivery.status !== 'held' && delivery.status !== 'digested' && !isOpen(delivery.status)) return nothing
  const { notificationId, subject, channel } = delivery
  const data = { notificationId, channel, supersededBy: by }
  return {
    change: { status: 'superseded', supersededBy: by },
    messages: [NotificationSuperseded.of(subject, at, data, { detail: detailOf(delivery) })],
  }
}
