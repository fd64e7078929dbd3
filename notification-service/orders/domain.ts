// Which notification each event of an order becomes. It is known by the order and the news it is about, so the same news twice is one
// notification.
import { amqpPriority } from '@orders/shared/contracts'
import { defaultAddress } from '../addresses.ts'
import type { Reader } from '../content.ts'
import type { Customer } from '../customers/domain.ts'
import { type Addresses, type Heading, type Notification, reachableBy } from '../domain.ts'
import type { NewsType } from '../templates/schemas.ts'
import { type NewsStyle, newsWords, type Told } from './words.ts'

export interface News {
  type: NewsType
  /** Where an order may have several of one kind, such as refunds. */
  detail?: string
  orderId: string
  /** Its user and its addresses in their one form. */
  told: Told
  /** The address that the customer's name is, in its one form; missing for other names. */
  namedAddress?: string
}

/** `customer` is who the order's user is, where that is known. */
export function headingOf(
  { type, detail, orderId, told, namedAddress }: News,
  style: NewsStyle,
  at: string,
  customer?: Customer | undefined,
): Heading {
  const eventType = detail === undefined ? type : `${type}.${detail}`
  return {
    id: `${orderId}.${eventType}`,
    subject: orderId,
    orderId,
    eventType,
    category: type.slice(0, type.indexOf('.')),
    priority: URGENT.has(type) ? amqpPriority.failure : amqpPriority[told.priority],
    addresses: addressesOf(told, namedAddress, customer, style),
    createdAt: at,
    customerId: told.user,
    ...(told.customerId !== undefined && { ownerId: told.customerId }),
    sendAt: null,
    expiresAt: null,
  }
}

export function notificationOf(
  news: News,
  style: NewsStyle,
  at: string,
  reader: Reader = {},
  customer?: Customer | undefined,
): Notification {
  const words = newsWords(news.type, news.orderId, news.told, style, reader)
  return { ...headingOf(news, style, at, customer), words }
}

/** News that must not wait behind good news: the customer has to act, or waits for nothing. */
const URGENT: ReadonlySet<NewsType> = new Set(['order.cancelled', 'payment.confirmation_required'])

/** Where the order says, else where the customer is told everything else; an address that is not known is empty. */
function addressesOf(
  { user, contact }: Told,
  namedAddress: string | undefined,
  customer: Customer | undefined,
  { defaultEmailDomain: domain }: NewsStyle,
): Addresses {
  const named = reachableBy(contact ?? {})
  const madeUp = domain === undefined ? '' : defaultAddress(user, domain)
  const known = Object.keys(named).length > 0 ? named : reachableBy(customer?.addresses ?? {})
  return Object.keys(known).length > 0 ? known : { email: namedAddress ?? madeUp }
}
