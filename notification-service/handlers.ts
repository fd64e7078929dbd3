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
import type { Sequence } from './sequences/domain.ts'
import { followNews } from './sequences/handlers.ts'
import type { NewsType } from './templates/schemas.ts'

export interface Telling extends Terms {
  sequences: readonly Sequence[]
}

export function newsHandlers(telling: Telling): Handler[] {
  return [
    news(OrderCreated, 'order.created', telling),
    news(OrderPaid, 'order.paid', telling),
    news(OrderShipped, 'order.shipped', telling),
    news(OrderCompleted, 'order.completed', telling),
    news(OrderCancelled, 'order.cancelled', telling),
    news(PaymentConfirmationRequired, 'payment.confirmation_required', telling),
  ]
}

function news<Data extends Told>(contract: Contract<Data>, type: NewsType, telling: Telling): Handler {
  return on(contract, async ({ subject: orderId, data }, tx, { now }) => {
    const heard = { type, orderId, told: data }
    const asked = await takeIn(tx, notificationOf(heard, telling.style, now), now, telling)
    return [...asked, ...(await followNews(tx, heard, telling, now))]
  })
}
