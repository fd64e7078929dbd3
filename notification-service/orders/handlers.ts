// Turns the events of an order into notifications for its customer.
import {
  type Contract,
  canonicalUser,
  InventoryReserved,
  isEmail,
  NotificationCancelled,
  OrderCancelled,
  OrderCompleted,
  OrderPaid,
  OrderShipped,
  PaymentConfirmationRequired,
  PaymentRefunded,
  type Received,
  toldAs,
} from '@orders/shared/contracts'
import { type Handler, type Known, onMany, seen } from '@orders/shared/messaging'
import { canonicalAddress, canonicalContact, type PhoneCountry } from '../canonical-addresses.ts'
import { customers } from '../customers/store.ts'
import { withoutNul } from '../domain.ts'
import { readsOfTakingIn, takeIn } from '../holding/handlers.ts'
import { readerOf } from '../rules/context.ts'
import type { NewsType } from '../templates/schemas.ts'
import { headingOf, type News, notificationOf } from './domain.ts'
import { type Following, followNews, readsOfFollowing } from './following.ts'
import type { Told } from './words.ts'

export function newsHandlers(newsroom: Following): Handler[] {
  return [
    // Told as `order.created`: from here on the goods are reserved and their prices known (decision 30).
    news(InventoryReserved, toldAs['inventory.reserved'], newsroom),
    news(OrderPaid, 'order.paid', newsroom),
    news(OrderShipped, 'order.shipped', newsroom),
    news(OrderCompleted, 'order.completed', newsroom),
    news(OrderCancelled, 'order.cancelled', newsroom),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', newsroom),
    news(PaymentRefunded, 'payment.refunded', newsroom),
  ]
}

function news<Data extends Partial<Told>>(contract: Contract<Data>, type: NewsType, terms: Following): Handler {
  const { style, phoneCountry } = terms
  const customerOf = ({ told }: News, known: Known) => known.get(customers, told.user)
  return onMany(contract, {
    // Uses the event's time, since the decision's time is not known yet. No key depends on it.
    reads(event, known) {
      const news = newsOf(event, type, phoneCountry)
      if (!news) return []
      const heading = headingOf(news, style, event.time, customerOf(news, known))
      return [
        seen(customers, news.told.user),
        ...readsOfTakingIn(heading, terms, known),
        ...readsOfFollowing(heading, terms, known),
      ]
    },
    decide(event, draft, { now }) {
      const news = newsOf(event, type, phoneCountry)
      if (!news) return []
      if (event.isForgotten) return toNobody(news, event.subject, now)
      const customer = customerOf(news, draft)
      const reader = readerOf(draft, headingOf(news, style, now, customer))
      const notification = notificationOf(news, style, now, reader, customer)
      return [...takeIn(draft, notification, now, terms), ...followNews(draft, notification, news.told, reader, terms)]
    },
  })
}

/** The customer is forgotten: nothing is sent or stored. The event lets the order's story end. */
function toNobody(news: News, orderId: string, now: string) {
  const eventType = news.detail === undefined ? news.type : `${news.type}.${news.detail}`
  const data = { notificationId: `${orderId}.${eventType}`, channel: 'email' as const }
  return [NotificationCancelled.of(orderId, now, data, { detail: `${eventType}.${data.channel}` })]
}

/** Undefined if the event names no customer: earlier versions of payment-service published refunds without one. */
function newsOf(
  { id, type: heard, subject: orderId, data }: Received<Partial<Told>>,
  type: NewsType,
  phoneCountry: PhoneCountry,
): News | undefined {
  const { user: typed, priority, contact } = data
  if (typed === undefined || priority === undefined) return undefined
  const user = canonicalUser(withoutNul(typed))
  const told = {
    ...data,
    user,
    priority,
    ...(contact && { contact: canonicalContact(contact, phoneCountry) }),
  }
  // An order may have several refunds. The event's id distinguishes them.
  const detail = id.slice(`${orderId}/${heard}/`.length).replaceAll('/', '.')
  const named = isEmail(user) && { namedAddress: canonicalAddress('email', user, phoneCountry) }
  return { type, ...(detail !== '' && { detail }), orderId, told, ...named }
}
