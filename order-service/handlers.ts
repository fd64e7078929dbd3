// First and last stop of an order: what the customer asks and what the others say becomes a fact, and the facts say
// what to announce.
import {
  type Channel,
  type Contract,
  InventoryOutOfStock,
  InventoryReserved,
  type Message,
  NotificationCancelled,
  NotificationDelivered,
  NotificationDigested,
  NotificationExpired,
  NotificationFailed,
  NotificationHeld,
  NotificationOptedOut,
  NotificationSent,
  NotificationUndelivered,
  PaymentConfirmationRequired,
  PaymentFailed,
  PaymentSuccess,
  ShippingDelivered,
  ShippingFailed,
  ShippingPrepared,
} from '@orders/shared/contracts'
import { type Done, type Handler, on } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import {
  asPlaced,
  cancellationFor,
  type Fact,
  isSamePlacement,
  learn,
  type Order,
  orderOf,
  type Placed,
} from './domain.ts'
import { furthest, type Notice, type NoticeStatus } from './notices.ts'
import { factsOf, isPlaced, noticeOf, orderIdOfKey, saveKey, saveLearnt, saveNotice } from './store.ts'

export const handlers: Handler[] = [
  fact(InventoryReserved, (at, { lines, totalCents }) => ({
    type: 'inventory.reserved',
    at,
    data: { lines, totalCents },
  })),
  fact(InventoryOutOfStock, (at, { missing }) => ({ type: 'inventory.out_of_stock', at, data: { missing } })),
  fact(PaymentConfirmationRequired, (at, { confirmBefore }) => ({
    type: 'payment.confirmation_required',
    at,
    data: { confirmBefore },
  })),
  fact(PaymentSuccess, (at, { chargeId }) => ({ type: 'payment.success', at, data: { chargeId } })),
  fact(PaymentFailed, (at, { reason }) => ({ type: 'payment.failed', at, data: { reason } })),
  fact(ShippingPrepared, (at, { trackingId, carrier }) => ({
    type: 'shipping.prepared',
    at,
    data: { trackingId, carrier },
  })),
  fact(ShippingFailed, (at, { reason }) => ({ type: 'shipping.failed', at, data: { reason } })),
  fact(ShippingDelivered, (at, { deliveredAt }) => ({ type: 'shipping.delivered', at, data: { deliveredAt } })),
  notice(NotificationHeld, 'held', ({ reason, until }) => ({ reason, until })),
  notice(NotificationSent, 'sent'),
  notice(NotificationFailed, 'failed', ({ reason }) => ({ reason })),
  notice(NotificationExpired, 'expired'),
  notice(NotificationCancelled, 'cancelled'),
  notice(NotificationOptedOut, 'opted_out'),
  notice(NotificationDigested, 'digested'),
  notice(NotificationDelivered, 'delivered'),
  notice(NotificationUndelivered, 'undelivered', ({ reason }) => ({ reason })),
]

function fact<Data>(contract: Contract<Data>, factOf: (at: string, data: Data) => Fact): Handler {
  return on(contract, (event, tx, { now }) => learnFact(tx, event.subject, factOf(now, event.data)))
}

/** What became of a notification about an order; there are notifications about nothing of ours too. */
function notice<Data extends { notificationId: string; channel: Channel }>(
  contract: Contract<Data>,
  status: NoticeStatus,
  detailOf: (data: Data) => Partial<Pick<Notice, 'reason' | 'until'>> = () => ({}),
): Handler {
  return on(contract, async ({ subject: orderId, time: at, data }, tx) => {
    if (!(await isPlaced(tx, orderId))) return []
    const { notificationId, channel } = data
    const known = await noticeOf(tx, notificationId, channel)
    const heard = { notificationId, channel, status, reason: null, until: null, ...detailOf(data), at }
    const stands = furthest(known, heard)
    if (stands !== known) await saveNotice(tx, orderId, stands)
    return []
  })
}

/** Load, decide, save, say: the same for what the others tell and for what the customer does. */
async function learnFact(tx: Sql, orderId: string, news: Fact): Promise<Message[]> {
  const facts = await factsOf(tx, orderId)
  const learnt = learn(orderId, facts, news)
  await saveLearnt(tx, orderId, learnt)
  return learnt.messages
}

interface Placement {
  orderId: string
  /** The `Idempotency-Key` header (IETF draft "The Idempotency-Key HTTP Header Field"). */
  key: string | undefined
  placed: Placed
  at: string
}

/**
 * The first request places the order; every repeat gets the same answer.
 *
 * @throws RejectedError 422 `idempotency_key_reused`, 409 `order_exists` when the repeat asks for something else.
 */
export async function placeOrder(tx: Sql, { orderId: wanted, key, placed, at }: Placement): Promise<Done<Order>> {
  const keyedId = key === undefined ? undefined : await orderIdOfKey(tx, key)
  const orderId = keyedId ?? wanted
  const facts = await factsOf(tx, orderId)
  const known = asPlaced(orderId, facts)
  if (known && isSamePlacement(placed, facts)) return { result: known, messages: [] }
  if (keyedId !== undefined)
    throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key came with another order before')
  if (known) throw new RejectedError(409, 'order_exists', `order ${orderId} exists and is another one`)
  const messages = await learnFact(tx, orderId, { type: 'order.created', at, data: placed })
  if (key !== undefined) await saveKey(tx, key, orderId)
  const order = asPlaced(orderId, [{ type: 'order.created', at, data: placed }])
  if (!order) throw new Error('an order that was just placed is not there')
  return { result: order, messages }
}

/** @throws RejectedError 404 `no_such_order`, 409 `order_already_paid` or `order_already_cancelled`. */
export async function requestCancellation(tx: Sql, orderId: string, at: string): Promise<Done<Order>> {
  const order = orderOf(orderId, await factsOf(tx, orderId))
  if (!order) throw new RejectedError(404, 'no_such_order', `no order ${orderId}`)
  const cancellation = cancellationFor(order)
  if (cancellation === 'too_late')
    throw new RejectedError(
      409,
      'order_already_paid',
      `order ${orderId} is ${order.status}; it can no longer be cancelled`,
    )
  if (cancellation === 'done')
    throw new RejectedError(409, 'order_already_cancelled', `order ${orderId} is cancelled already: ${order.reason}`)
  return { result: order, messages: await learnFact(tx, orderId, { type: 'order.cancel_requested', at, data: {} }) }
}
