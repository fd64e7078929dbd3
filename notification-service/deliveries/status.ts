// The statuses of a notification's channels, and the status of the whole notification that follows from them.

/** Why a channel is held. */
export type HoldReason = 'send_at' | 'digest' | 'quiet_hours' | 'throttled'

/** Statuses of a channel that ended unsent. */
export type Ended = 'expired' | 'cancelled' | 'opted_out'

/** All statuses. A notification has the first of this list that one of its channels has. */
export const deliveryStatuses = [
  // May need an operator. Replaying the dead letter can still send it.
  'failed',
  // A provider accepted it and reported later that it did not arrive.
  'undelivered',
  // Requested from its channel.
  'waiting',
  // Not requested yet, see `holding`.
  'held',
  // Accepted by a stand-in, since the channel has no provider. Nothing was sent.
  'simulated',
  'sent',
  'digested',
  'expired',
  'cancelled',
  'opted_out',
  // Later news made it untrue, or was sent before it.
  'superseded',
] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/** Whether a request that arrives now is to be sent. */
export function isOpen(status: DeliveryStatus): boolean {
  return status === 'waiting' || status === 'failed'
}

/** Whether a provider or a stand-in has accepted it. */
export function isTaken(status: DeliveryStatus): boolean {
  return status === 'sent' || status === 'simulated' || status === 'undelivered'
}

/** A notification's status: that of its channel that comes first in `deliveryStatuses`. */
export function statusOf(deliveries: readonly { status: DeliveryStatus }[]): DeliveryStatus {
  return deliveryStatuses.find((status) => deliveries.some((delivery) => delivery.status === status)) ?? 'sent'
}
