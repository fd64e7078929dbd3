// Turns the events of an order into notifications. Order and kind of news make the id, so that a repeated event yields
// the same notification.
import { amqpPriority } from '@orders/shared/contracts'
import { defaultAddress } from '../addresses.ts'
import type { Reader } from '../content.ts'
import type { Customer } from '../customers/domain.ts'
import { type Addresses, type Heading, type Notification, reachableBy } from '../domain.ts'
import type { NewsType } from '../templates/schemas.ts'
import { type NewsStyle, newsWords, type Told } from './words.ts'

export interface News {
  type: NewsType
  /** Distinguishes several news of one kind, such as refunds. */
  detail?: string
  orderId: string
  /** User and addresses are in canonical form. */
  told: Told
  /** The user's name in canonical form, if it is an e-mail address. */
  namedAddress?: string
}

/** `customer`: the stored customer of the order's user, if there is one. */
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

/** News that must not queue behind good news: the customer has to act, or waits in vain. */
const URGENT: ReadonlySet<NewsType> = new Set(['order.cancelled', 'payment.confirmation_required'])

/**
 * The addresses of the order, else the customer's stored addresses, else the user's name if it is an address, else a
 * made-up one. If no address can be made up, `email` is empty.
 */
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
