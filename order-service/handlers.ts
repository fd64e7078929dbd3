// The first and the last stop of an order. Requests of the customer and events of the other services become facts, and the
// facts decide which messages are published.
import { createHash } from 'node:crypto'
import {
  type Contract,
  InventoryOutOfStock,
  InventoryPriceChanged,
  InventoryReserved,
  PaymentConfirmationRequired,
  PaymentFailed,
  PaymentRefunded,
  PaymentRefundRefused,
  PaymentSuccess,
  ShippingDelivered,
  ShippingFailed,
  ShippingPrepared,
} from '@orders/shared/contracts'
import { about, type Handler, on, owned, type Work } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import {
  asPlaced,
  cancellationFor,
  canonical,
  isOf,
  isSamePlacement,
  learn,
  type Order,
  orderOf,
  requestOf,
} from './domain.ts'
import { type Fact, find, type Placed, type WantedRefund } from './facts.ts'
import type { Price } from './placing.ts'
import { refundRequested, requestWith } from './refunds.ts'
import { idempotencyKeys, orders } from './store.ts'

export const handlers: Handler[] = [
  fact(InventoryReserved, (at, { lines, totalCents, currency }) => ({
    type: 'inventory.reserved',
    at,
    data: { lines, totalCents, ...(currency !== undefined && { currency }) },
  })),
  fact(InventoryOutOfStock, (at, { missing }) => ({ type: 'inventory.out_of_stock', at, data: { missing } })),
  fact(InventoryPriceChanged, (at, { expectedTotalCents, totalCents, currency }) => ({
    type: 'inventory.price_changed',
    at,
    data: { expectedTotalCents, totalCents, currency },
  })),
  fact(PaymentConfirmationRequired, (at, { confirmBefore }) => ({
    type: 'payment.confirmation_required',
    at,
    data: { confirmBefore },
  })),
  fact(PaymentSuccess, (at, { chargeId }) => ({ type: 'payment.success', at, data: { chargeId } })),
  fact(PaymentFailed, (at, { reason }) => ({ type: 'payment.failed', at, data: { reason } })),
  fact(ShippingPrepared, (at, { trackingId, carrier, trackingUrl }) => ({
    type: 'shipping.prepared',
    at,
    data: { trackingId, carrier, ...(trackingUrl !== undefined && { trackingUrl }) },
  })),
  fact(ShippingFailed, (at, { reason }) => ({ type: 'shipping.failed', at, data: { reason } })),
  fact(ShippingDelivered, (at, { deliveredAt }) => ({ type: 'shipping.delivered', at, data: { deliveredAt } })),
  fact(PaymentRefunded, (at, { lines, totalCents, reason, request }) => ({
    type: 'payment.refunded',
    ...(request !== undefined && { detail: request }),
    at,
    data: { ...(lines && { lines }), totalCents, reason },
  })),
  fact(PaymentRefundRefused, (at, { reason, request: detail }) => ({
    type: 'payment.refund_refused',
    detail,
    at,
    data: { reason },
  })),
]

function fact<Data>(contract: Contract<Data>, factOf: (at: string, data: Data) => Fact): Handler {
  return on(contract, orders, {
    decide: ({ subject, data }, facts, { now }) => learn(subject, facts, factOf(now, data)),
  })
}

/** Event types that earlier versions consumed. If an old binding still delivers one, it is acked and ignored. */
export const retired = [
  'notification.sent',
  'notification.failed',
  'notification.expired',
  'notification.cancelled',
  'notification.opted_out',
  'notification.digested',
  'notification.held',
  'notification.delivered',
  'notification.undelivered',
]

interface Placement {
  orderId: string
  /** False if the service made the id. Then the id is not part of the request. */
  isOwnId?: boolean | undefined
  /** The `Idempotency-Key` header (IETF draft "The Idempotency-Key HTTP Header Field"). */
  key: string | undefined
  placed: Placed
  /** Set if the customer expects a total and inventory-service has answered. */
  price?: Price | undefined
  at: string
}

/**
 * The first request places the order. Every repeat gets the same answer, whatever the price is by then. Returns undefined if
 * the order is new and its price must be asked for first.
 *
 * @throws RejectedError 422 `idempotency_key_reused` or 409 `order_exists` if a repeat asks for something else; the error in
 * `price`
 */
export function placeOrder({
  orderId: wanted,
  isOwnId = true,
  key,
  placed,
  price,
  at,
}: Placement): Work<Order | undefined> {
  const request = requestOf(isOwnId ? wanted : undefined, placed)
  const fingerprint = createHash('sha256').update(request).digest('base64url')
  const keys = key === undefined ? [] : [key, keyOfCustomer(placed, key)]
  return {
    reads(known) {
      const keyed = keys.flatMap((one) => known.get(idempotencyKeys, one)?.orderId ?? [])
      return [...[wanted, ...keyed].map((id) => owned(orders, id)), ...keys.map((one) => owned(idempotencyKeys, one))]
    },
    decide(draft) {
      const taken = keys.flatMap((one) => draft.get(idempotencyKeys, one) ?? [])
      const keyed = taken.find((one) => isOf(placed.user, draft.get(orders, one.orderId) ?? []))
      const free = keys.find((one) => draft.get(idempotencyKeys, one) === undefined)
      const orderId = keyed?.orderId ?? wanted
      const facts = draft.get(orders, orderId) ?? []
      if (find(facts, 'order.expired'))
        throw new RejectedError(409, 'order_exists', `order ${orderId} existed and has expired`)
      const known = asPlaced(orderId, facts)
      const isSame = known !== undefined && isSamePlacement(placed, facts)
      if (keyed && !(isSame && (keyed.fingerprint ?? fingerprint) === fingerprint))
        throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request')
      if (known && !isSame) throw new RejectedError(409, 'order_exists', `order ${orderId} exists with other content`)
      if (!isSame && placed.expectedTotalCents !== undefined) {
        if (price === undefined) return { result: undefined, messages: [] }
        if (price !== 'right') throw price
      }
      if (!keyed && free !== undefined) draft.set(idempotencyKeys, free, { orderId, fingerprint })
      if (isSame) return { result: known, messages: [] }
      const learnt = learn(orderId, facts, { type: 'order.created', at, data: placed })
      const order = asPlaced(orderId, learnt.state ?? [])
      if (!order) throw new Error('an order that was just placed is not there')
      draft.set(orders, orderId, learnt.state ?? facts)
      return { result: order, messages: learnt.messages }
    },
  }
}

/**
 * The key of a customer whose Idempotency-Key another customer used first. The plain key is tried first, so that a copy of an
 * earlier version finds it. A header value has no line break, so the two forms cannot be equal.
 */
function keyOfCustomer({ customerId, user }: Placed, key: string): string {
  return `${customerId ?? user}\n${key}`
}

interface Cancellation {
  orderId: string
  /** The customer who asks. Undefined if the token gives access to every order. */
  asker?: string | undefined
  at: string
}

/**
 * Publishes the first request. A repeat returns its progress.
 *
 * @throws RejectedError 404 `no_such_order`, 409 `order_already_paid` or `order_already_cancelled`
 */
export function requestCancellation({ orderId, asker, at }: Cancellation): Work<Order> {
  return about(orders, orderId, (facts = []) => {
    const order = shownTo(asker, orderId, facts)
    const cancellation = cancellationFor(order)
    if (cancellation === 'asked') return { messages: [], result: order }
    if (cancellation === 'too_late')
      throw new RejectedError(
        409,
        'order_already_paid',
        `order ${orderId} is ${order.status}; it can no longer be cancelled`,
      )
    if (cancellation === 'done')
      throw new RejectedError(409, 'order_already_cancelled', `order ${orderId} is cancelled already: ${order.reason}`)
    const learnt = learn(orderId, facts, { type: 'order.cancel_requested', at, data: {} })
    return { ...learnt, result: shownTo(asker, orderId, learnt.state ?? facts) }
  })
}

/**
 * Asks payment-service for a refund. A repeat under the same key is the same request.
 *
 * @throws RejectedError 404 `no_such_order`, 422 `idempotency_key_reused`, 409 if nothing can be refunded (see
 * `refundRequested`)
 */
export function requestRefund(orderId: string, asked: { key: string; wanted: WantedRefund; at: string }): Work<Order> {
  return about(orders, orderId, (facts = []) => {
    const order = shownTo(undefined, orderId, facts)
    const known = requestWith(asked.key, facts)
    if (known && canonical(known.data.wanted) !== canonical(asked.wanted))
      throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request')
    if (known) return { messages: [], result: order }
    const requested = refundRequested(order, facts, asked)
    if ('code' in requested) throw new RejectedError(409, requested.code, `order ${orderId} ${requested.message}`)
    const learnt = learn(orderId, facts, requested)
    return { ...learnt, result: shownTo(undefined, orderId, learnt.state ?? facts) }
  })
}

/**
 * The order, if `asker` may see it. Without an `asker`, the caller has access to every order.
 *
 * @throws RejectedError 404 `no_such_order`, with the same text if the order is another customer's
 */
export function shownTo(asker: string | undefined, orderId: string, facts: readonly Fact[]): Order {
  const order = orderOf(orderId, facts)
  if (!order || (asker !== undefined && !isOf(asker, facts)))
    throw new RejectedError(404, 'no_such_order', `no order ${orderId}`)
  return order
}
