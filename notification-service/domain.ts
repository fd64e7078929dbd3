// Who is told what and by which channels, and what a channel's answer means. A notification is known by the order and
// the news it is about, so the same news twice is one notification.
import { createHash } from 'node:crypto'
import {
  amqpPriority,
  type Channel,
  type Contact,
  channels,
  type Message,
  NotificationDelivered,
  NotificationFailed,
  NotificationRequested,
  NotificationSent,
  NotificationUndelivered,
} from '@orders/shared/contracts'
import {
  type Content,
  type Data,
  newsWords,
  plainWords,
  type Style,
  type Told,
  type Words,
  wordsOf,
} from './content.ts'
import type { NewsType } from './templates/schemas.ts'

export type Addresses = Partial<Record<Channel, string>>

export interface Notification {
  id: string
  /** The order's id; of a notification about no order, its own. */
  subject: string
  orderId: string | null
  /** `order.paid`, or `direct` for what a person sends over HTTP. */
  eventType: string
  category: string
  /** AMQP priority of its delivery. */
  priority: number
  addresses: Addresses
  words: Words
  createdAt: string
}

export interface News {
  type: NewsType
  orderId: string
  told: Told
}

export interface NewsStyle extends Style {
  defaultEmailDomain: string
}

export function notificationOf({ type, orderId, told }: News, style: NewsStyle, at: string): Notification {
  return {
    id: `${orderId}.${type}`,
    subject: orderId,
    orderId,
    eventType: type,
    category: type.slice(0, type.indexOf('.')),
    priority: URGENT.has(type) ? amqpPriority.failure : amqpPriority[told.priority],
    addresses: addressesOf(told, style.defaultEmailDomain),
    words: newsWords(type, orderId, told, style),
    createdAt: at,
  }
}

/** News that must not wait behind good news: the customer has to act, or waits for nothing. */
const URGENT: ReadonlySet<NewsType> = new Set(['order.cancelled', 'payment.confirmation_required'])

function addressesOf({ user, contact }: Told, defaultEmailDomain: string): Addresses {
  const addresses = contact ? reachableBy(contact) : {}
  return Object.keys(addresses).length > 0 ? addresses : { email: defaultAddress(user, defaultEmailDomain) }
}

function reachableBy({ email, phone, push, webhook }: Contact): Addresses {
  return {
    ...(email !== undefined && { email }),
    ...(phone !== undefined && { sms: phone }),
    ...(push !== undefined && { push }),
    ...(webhook !== undefined && { webhook }),
  }
}

/**
 * `gayal` is told at `gayal@example.com`. A name that is no valid local part is made one; the hash keeps apart what
 * looks the same afterwards, so that nobody reads another's mail.
 */
export function defaultAddress(user: string, domain: string): string {
  if (isEmail(user)) return user
  if (/^[A-Za-z0-9][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*$/.test(user) && user.length <= 64) return `${user}@${domain}`
  const plain = user
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
  const words = plain.match(/[a-z0-9]+/g) ?? ['customer']
  const hash = createHash('sha256').update(user).digest('hex').slice(0, 8)
  return `${words.join('.').slice(0, 48)}-${hash}@${domain}`
}

/** What can stand in an envelope and a header as it is: printable, one @, nothing that ends or splits an address. */
export function isEmail(text: string): boolean {
  return text.length <= 254 && /^[^\s@<>,;:"()[\]\\\p{Control}]+@[^\s@<>,;:"()[\]\\\p{Control}]+$/u.test(text)
}

/** What is to be said: written by hand, or by a template whose schema the completed data fits. */
export type Wanted = { subject: string; body: string } | { template: string; data: Data }

export interface DirectRequest {
  to: Contact
  wanted: Wanted
  locale: string | undefined
  priority: 'urgent' | 'normal' | 'bulk'
}

const directPriority = { urgent: amqpPriority.failure, normal: amqpPriority.standard, bulk: 1 } as const

/** What a person, or a program with an operator's token, sends. */
export function directNotification(
  id: string,
  { to, wanted, locale, priority }: DirectRequest,
  style: Style,
  at: string,
): Notification {
  return {
    id,
    subject: id,
    orderId: null,
    eventType: 'direct',
    category: 'direct',
    priority: directPriority[priority],
    addresses: reachableBy(to),
    words:
      'template' in wanted
        ? wordsOf(wanted.template, wanted.data, locale, style)
        : plainWords(wanted.subject, wanted.body, locale, style),
    createdAt: at,
  }
}

/** The same request has the same fingerprint, however its fields were ordered. */
export function fingerprintOf(request: DirectRequest): string {
  return createHash('sha256')
    .update(JSON.stringify(request, (_, value: unknown) => sorted(value)))
    .digest('hex')
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
}

export function channelsOf({ addresses }: Pick<Notification, 'addresses'>): Channel[] {
  return channels.filter((channel) => addresses[channel] !== undefined)
}

export function requested(notification: Notification): Message {
  const { id: notificationId, subject, eventType, priority, createdAt } = notification
  const data = { notificationId, channels: channelsOf(notification) }
  return NotificationRequested.of(subject, createdAt, data, { detail: eventType, priority })
}

export type DeliveryStatus = 'waiting' | 'sent' | 'failed'

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
  createdAt: string
}

/** One call to a provider and what came of it. */
export interface Attempt {
  notificationId: string
  channel: Channel
  /** Counts from 1, and again from 1 when a dead letter is sent again. */
  attempt: number
  at: string
  provider: string
  /** Null when the provider accepted. */
  error: string | null
  durationMs: number
}

/** What a provider said when it took a message. */
export interface Receipt {
  provider: string
  providerId: string
}

/** An address that is told nothing more by its channel, and why. */
export interface Suppression {
  channel: Channel
  address: string
  reason: string
  /** The one that found out; null where an operator said so. */
  notificationId: string | null
  at: string
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
  if (delivery.status === 'sent') return nothing
  const { notificationId, subject, eventType, channel } = delivery
  const change = { status: 'failed', error: reason } as const
  if (delivery.status === 'failed') return { change, messages: [] }
  const data = { notificationId, channel, reason }
  return { change, messages: [NotificationFailed.of(subject, at, data, { detail: `${eventType}.${channel}` })] }
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
}

const UNDELIVERED = new Set(['undelivered', 'failed', 'canceled'])

/** The steps on the way are kept and not said; where the way ends is. */
export function reported({ subject, eventType, channel, notificationId }: Delivery, report: Report): Message[] {
  const { status, providerId, error, at } = report
  const data = { notificationId, channel, providerId }
  const options = { detail: `${eventType}.${channel}` }
  if (status === 'delivered') return [NotificationDelivered.of(subject, at, data, options)]
  if (!UNDELIVERED.has(status)) return []
  return [NotificationUndelivered.of(subject, at, { ...data, reason: error ?? status }, options)]
}

/** A notification's status: its weakest channel's. */
export function statusOf(deliveries: readonly { status: DeliveryStatus }[]): DeliveryStatus {
  const has = (status: DeliveryStatus) => deliveries.some((delivery) => delivery.status === status)
  return has('failed') ? 'failed' : has('waiting') ? 'waiting' : 'sent'
}
