// What a notification is, and which one each event of an order becomes. It is known by the order and the news it is
// about, so the same news twice is one notification.
import { createHash } from 'node:crypto'
import { amqpPriority, type Channel, type Contact, channels } from '@orders/shared/contracts'
import { newsWords, type Reader, type Style, type Told, type Words } from './content.ts'
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
  /** Whom it is for, where that is known: an order's user, or whom a request named. */
  customerId: string | null
  /** Not said before. */
  sendAt: string | null
  /** Not said from then on. */
  expiresAt: string | null
}

export interface News {
  type: NewsType
  /** Where an order may have several of one kind, such as refunds. */
  detail?: string
  orderId: string
  told: Told
}

export interface NewsStyle extends Style {
  defaultEmailDomain: string
}

/** What a notification is about and for whom, before anything is said. */
export type Heading = Omit<Notification, 'words'>

export function headingOf({ type, detail, orderId, told }: News, style: NewsStyle, at: string): Heading {
  const eventType = detail === undefined ? type : `${type}.${detail}`
  return {
    id: `${orderId}.${eventType}`,
    subject: orderId,
    orderId,
    eventType,
    category: type.slice(0, type.indexOf('.')),
    priority: URGENT.has(type) ? amqpPriority.failure : amqpPriority[told.priority],
    addresses: addressesOf(told, style.defaultEmailDomain),
    createdAt: at,
    customerId: withoutNul(told.user),
    sendAt: null,
    expiresAt: null,
  }
}

export function notificationOf(news: News, style: NewsStyle, at: string, reader: Reader = {}): Notification {
  return { ...headingOf(news, style, at), words: newsWords(news.type, news.orderId, news.told, style, reader) }
}

/** News that must not wait behind good news: the customer has to act, or waits for nothing. */
const URGENT: ReadonlySet<NewsType> = new Set(['order.cancelled', 'payment.confirmation_required'])

function addressesOf({ user, contact }: Told, defaultEmailDomain: string): Addresses {
  const addresses = contact ? reachableBy(contact) : {}
  return Object.keys(addresses).length > 0 ? addresses : { email: defaultAddress(user, defaultEmailDomain) }
}

export function reachableBy({ email, phone, push, webhook }: Contact): Addresses {
  const addresses = { email, sms: phone, push, webhook }
  return Object.fromEntries(
    channels.flatMap((channel) => {
      const address = withoutNul(addresses[channel] ?? '')
      return address === '' ? [] : [[channel, address]]
    }),
  )
}

/** PostgreSQL keeps no U+0000, and no address has one. */
function withoutNul(text: string): string {
  return text.replaceAll('\u0000', '')
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

export function channelsOf({ addresses }: Pick<Notification, 'addresses'>): Channel[] {
  return channels.filter((channel) => addresses[channel] !== undefined)
}
