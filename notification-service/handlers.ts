// Beside every stop of an order: what happened becomes a notification for the customer.
import {
  type Contract,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  PaymentConfirmationRequired,
  type Received,
} from '@orders/shared/contracts'
import { type Handler, onMany } from '@orders/shared/messaging'
import type { Told } from './content.ts'
import { headingOf, type News, notificationOf } from './domain.ts'
import { readsOfTakingIn, takeIn } from './holding/handlers.ts'
import type { Terms } from './rules/settings.ts'
import type { Sequence } from './sequences/domain.ts'
import { followNews, readsOfFollowing } from './sequences/handlers.ts'
import type { NewsType } from './templates/schemas.ts'

export interface Newsroom extends Terms {
  sequences: readonly Sequence[]
}

export function newsHandlers(newsroom: Newsroom): Handler[] {
  return [
    news(OrderCreated, 'order.created', newsroom),
    news(OrderPaid, 'order.paid', newsroom),
    news(OrderShipped, 'order.shipped', newsroom),
    news(OrderCompleted, 'order.completed', newsroom),
    news(OrderCancelled, 'order.cancelled', newsroom),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', newsroom),
  ]
}

function news<Data extends Told>(contract: Contract<Data>, type: NewsType, newsroom: Newsroom): Handler {
  const heard = ({ subject: orderId, data }: Received<Data>): News => ({ type, orderId, told: data })
  return onMany(contract, {
    // The time is not known yet; no key depends on it.
    reads(event, known) {
      const news = heard(event)
      return [
        ...readsOfTakingIn(headingOf(news, newsroom.style, event.time), newsroom, known),
        ...readsOfFollowing(news, newsroom, event.time, known),
      ]
    },
    decide(event, draft, { now }) {
      const news = heard(event)
      const asked = takeIn(draft, notificationOf(news, newsroom.style, now), now, newsroom)
      return [...asked, ...followNews(draft, news, newsroom, now)]
    },
  })
}
