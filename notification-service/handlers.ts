// Beside every stop of an order: what happened becomes a notification for the customer.
import {
  type Contract,
  InventoryReserved,
  OrderCancelled,
  OrderCompleted,
  OrderPaid,
  OrderShipped,
  PaymentConfirmationRequired,
  PaymentRefunded,
  type Received,
  toldAs,
} from '@orders/shared/contracts'
import { type Handler, onMany } from '@orders/shared/messaging'
import type { Told } from './content.ts'
import { headingOf, type News, notificationOf } from './domain.ts'
import { readsOfTakingIn, takeIn } from './holding/handlers.ts'
import { readerOf } from './rules/context.ts'
import type { Terms } from './rules/settings.ts'
import type { Sequence } from './sequences/domain.ts'
import { followNews, readsOfFollowing } from './sequences/handlers.ts'
import type { NewsType } from './templates/schemas.ts'

export interface Newsroom extends Terms {
  sequences: readonly Sequence[]
}

export function newsHandlers(newsroom: Newsroom): Handler[] {
  return [
    // The order has reached us, and what it costs is known from here on (decision 30).
    news(InventoryReserved, toldAs['inventory.reserved'], newsroom),
    news(OrderPaid, 'order.paid', newsroom),
    news(OrderShipped, 'order.shipped', newsroom),
    news(OrderCompleted, 'order.completed', newsroom),
    news(OrderCancelled, 'order.cancelled', newsroom),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', newsroom),
    news(PaymentRefunded, 'payment.refunded', newsroom),
  ]
}

function news<Data extends Partial<Told>>(contract: Contract<Data>, type: NewsType, newsroom: Newsroom): Handler {
  return onMany(contract, {
    // The time is not known yet; no key depends on it.
    reads(event, known) {
      const news = newsOf(event, type)
      if (!news) return []
      return [
        ...readsOfTakingIn(headingOf(news, newsroom.style, event.time), newsroom, known),
        ...readsOfFollowing(news, newsroom, event.time, known),
      ]
    },
    decide(event, draft, { now }) {
      const news = newsOf(event, type)
      if (!news) return []
      const reader = readerOf(draft, headingOf(news, newsroom.style, now))
      const asked = takeIn(draft, notificationOf(news, newsroom.style, now, reader), now, newsroom)
      return [...asked, ...followNews(draft, news, newsroom, now)]
    },
  })
}

/** Undefined where nobody is named: an older payment-service says of a refund only how much it was. */
function newsOf(
  { id, type: heard, subject: orderId, data }: Received<Partial<Told>>,
  type: NewsType,
): News | undefined {
  const { user, priority } = data
  if (user === undefined || priority === undefined) return undefined
  // An order may have several refunds, and each has an id of its own.
  const detail = id.slice(`${orderId}/${heard}/`.length).replaceAll('/', '.')
  return { type, ...(detail !== '' && { detail }), orderId, told: { ...data, user, priority } }
}
