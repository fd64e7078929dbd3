// What the channels learn about addresses and about accepted messages, and the events that say so.
import { type Channel, type Message, NotificationDelivered, NotificationUndelivered } from '@orders/shared/contracts'
import { type Delivery, detailOf } from '../deliveries/domain.ts'

/** An address to which its channel sends nothing any more, and why. */
export interface Suppression {
  channel: Channel
  address: string
  reason: string
  /** The notification whose failure or report caused it. Null if an operator added it. */
  notificationId: string | null
  at: string
}

/** A provider whose reports of gone addresses are ignored, since it reported too many. */
export interface SuppressionStop {
  provider: string
  /** Counts of the hour before the stop. */
  answered: number
  gone: number
  stoppedAt: string
  releasedAt: string | null
}

/** A provider's report about a message that it accepted. */
export interface Report {
  notificationId: string
  channel: Channel
  /** In the provider's words: `queued`, `delivered`, `undelivered`, … */
  status: string
  providerId: string
  error: string | null
  at: string
  /** The generation that it is about, see `Standing`. */
  generation: number
}

/** A report, its provider, and what else it says about the address. */
export interface Said {
  report: Report
  provider: string
  /** The address that the report names, if any. */
  recipient?: string | undefined
  /** No such mailbox or handset: nothing will arrive there. */
  isAddressGone: boolean
  /** The recipient complained about the message. */
  isComplaint: boolean
}

const UNDELIVERED = new Set(['undelivered', 'failed', 'canceled', 'bounced'])

/** Whether the message did not arrive and never will. */
export function isUndelivered({ status }: Pick<Report, 'status'>): boolean {
  return UNDELIVERED.has(status)
}

/** Only final reports are published. Those in between are only stored. */
export function reported({ subject, eventType, channel, notificationId }: Delivery, report: Report): Message[] {
  const { status, providerId, error, at, generation } = report
  const data = { notificationId, channel, providerId }
  const options = { detail: detailOf({ eventType, channel, generation }) }
  if (status === 'delivered') return [NotificationDelivered.of(subject, at, data, options)]
  if (!isUndelivered(report)) return []
  return [NotificationUndelivered.of(subject, at, { ...data, reason: error ?? status }, options)]
}
