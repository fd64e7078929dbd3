// What can become of one channel of a notification, and of the notification by that.

/** Why a channel is held. */
export type HoldReason = 'send_at' | 'digest' | 'quiet_hours' | 'throttled'

/** Ended without having been said. */
export type Ended = 'expired' | 'cancelled' | 'opted_out'

/** Every status there is; of a notification with several channels the first that one of them has is its own. */
export const deliveryStatuses = [
  // Somebody may have to act. A failed one may still be sent, from the dead letters.
  'failed',
  // A provider took it, and said later that it did not arrive.
  'undelivered',
  // Asked for.
  'waiting',
  // Not asked for yet, see `holding`.
  'held',
  // Nobody was told: its channel has no provider, only a stand-in.
  'simulated',
  'sent',
  'digested',
  'expired',
  'cancelled',
  'opted_out',
  // Later news has made it untrue, or was said before it.
  'superseded',
] as const
export type DeliveryStatus = (typeof deliveryStatuses)[number]

/** Whether a request for it that arrives now is to be sent. */
export function isOpen(status: DeliveryStatus): boolean {
  return status === 'waiting' || status === 'failed'
}

/** Whether a provider has taken it, or a stand-in has. */
export function isTaken(status: DeliveryStatus): boolean {
  return status === 'sent' || status === 'simulated' || status === 'undelivered'
}

/** A notification's status: that of its weakest channel. */
export function statusOf(deliveries: readonly { status: DeliveryStatus }[]): DeliveryStatus {
  return deliveryStatuses.find((status) => deliveries.some((delivery) => delivery.status === status)) ?? 'sent'
}
