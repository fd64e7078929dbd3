// Beside every stop of an order: what happened becomes a notification for the customer.
import {
  type Contract,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderShipped,
  PaymentConfirmationRequired,
} from '@orders/shared/contracts'
import { type Handler, on } from '@orders/shared/messaging'
import type { Told } from './content.ts'
import { type NewsStyle, notificationOf } from './domain.ts'
import { takeIn } from './holding/handlers.ts'
import type { Terms } from './rules/settings.ts'
import type { NewsType } from './templates/schemas.ts'

export function newsHandlers(style: NewsStyle, terms: Terms): Handler[] {
  const news = newsHandler(style, terms)
  return [
    news(OrderCreated, 'order.created'),
    news(OrderPaid, 'order.paid'),
    news(OrderShipped, 'order.shipped'),
    news(OrderCompleted, 'order.completed'),
    news(OrderCancelled, 'order.cancelled'),
    news(PaymentConfirmationRequired, 'payment.confirmation_required'),
  ]
}

function newsHandler(style: NewsStyle, terms: Terms) {
  return <Data extends Told>(contract: Contract<Data>, type: NewsType): Handler =>
    on(contract, ({ subject: orderId, data }, tx, { now }) =>
      takeIn(tx, notificationOf({ type, orderId, told: data }, style, now), now, terms),
    )
}
