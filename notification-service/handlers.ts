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
import type { NewsType } from './templates/schemas.ts'

export function newsHandlers(style: NewsStyle): Handler[] {
  return [
    news(OrderCreated, 'order.created', style),
    news(OrderPaid, 'order.paid', style),
    news(OrderShipped, 'order.shipped', style),
    news(OrderCompleted, 'order.completed', style),
    news(OrderCancelled, 'order.cancelled', style),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', style),
  ]
}

function news<Data extends Told>(contract: Contract<Data>, type: NewsType, style: NewsStyle): Handler {
  return on(contract, ({ subject: orderId, data }, tx, { now }) =>
    takeIn(tx, notificationOf({ type, orderId, told: data }, style, now), now),
  )
}
