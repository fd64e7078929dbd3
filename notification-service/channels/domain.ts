// What the channels learn of addresses and of messages that a provider took, and what is said of it.
import { type Channel, type Message, NotificationDelivered, NotificationUndelivered } from '@orders/shared/contracts'
import { type Delivery, detailOf } from '../deliveries/domain.ts'

/** An address that is told nothing more by its channel, and why. */
export interface Suppression {
  channel: Channel
  address: string
  reason: string
  /** The one that found out; null where an operator said so. */
  notificationId: string | null
  at: string
}

/** By the word of this provider no address is suppressed, since it called too many gone. */
export interface SuppressionStop {
  provider: string
  /** In the hour before it. */
  answered: number
  gone: number
  stoppedAt: string
  releasedAt: string | null
}

/** What a provider tells of a message that it took. */
export interface Report {
  notificationId: string
  channel: Channel
  /** In the provider's words: `queued`, `delivered`, `undelivered`, … */
  status: string
  providerId: string
  error: string | null
  at: string
  /** Which of an operator's sendings it is about, see `Standing`. */
  generation: number
}

/** Whose word a report is, and what else it says of the address. */
export interface Said {
  report: Report
  provider: string
  /** Whom it names, where it does. */
  recipient?: string | undefined
  /** No mailbox, no handset: nothing will arrive there. */
  isAddressGone: boolean
  /** The recipient does not want it. */
  isComplaint: boolean
}

const UNDELIVERED = new Set(['undelivered', 'failed', 'canceled', 'bounced'])

/** Whether it says that the message did not arrive, and never will. */
export function isUndelivered({ status }: Pick<Report, 'status'>): boolean {
  return UNDELIVERED.has(status)
}

/** The steps on the way are kept and not said; where the way ends is. */
export function reported({ subject, eventType, channel, notificationId }: Delivery, report: Report): Message[] {
  const { status, providerId, error, at, generation } = report
  const data = { notificationId, channel, providerId }
  const options = { detail: detailOf({ eventType, channel, generation }) }
  if (status === 'delivered') return [NotificationDelivered.of(subject, at, data, options)]
  if (!isUndelivered(report)) return []
  return [NotificationUndelivered.of(subject, at, { ...data, reason: error ?? status }, options)]
}
