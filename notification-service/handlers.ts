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
import { notificationOf } from './domain.ts'
import { takeIn } from './holding/handlers.ts'
import type { Terms } from './rules/settings.ts'
import type { NewsType } from './templates/schemas.ts'

export function newsHandlers(terms: Terms): Handler[] {
  return [
    news(OrderCreated, 'order.created', terms),
    news(OrderPaid, 'order.paid', terms),
    news(OrderShipped, 'order.shipped', terms),
    news(OrderCompleted, 'order.completed', terms),
    news(OrderCancelled, 'order.cancelled', terms),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', terms),
  ]
}

function news<Data extends Told>(contract: Contract<Data>, type: NewsType, terms: Terms): Handler {
  return on(contract, ({ subject: orderId, data }, tx, { now }) =>
    takeIn(tx, notificationOf({ type, orderId, told: data }, terms.style, now), now, terms),
  )
}
