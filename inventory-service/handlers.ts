// The second stop of an order: its goods are reserved, then sold or made available again.
import {
  type Contract,
  InventoryQuote,
  type Message,
  OrderCreated,
  PaymentFailed,
  PaymentRefunded,
  PaymentSuccess,
  ShippingFailed,
} from '@orders/shared/contracts'
import {
  type Answerer,
  about,
  answers,
  type Draft,
  type Handler,
  type Known,
  onMany,
  owned,
  type Ref,
  seen,
  type Work,
} from '@orders/shared/messaging'
import { type Conditions, demandCondition, demandUnchanged, RejectedError } from '@orders/shared/runtime'
import {
  type Adjustment,
  adjust,
  type Decision,
  isUntouched,
  learn,
  moved,
  quote,
  type Reservation,
  type Restock,
  reserve,
  restock,
  type Shelf,
  type Stock,
  stateOf,
  takeBack,
} from './domain.ts'
import { adjustments, reservations, stock } from './store.ts'

export const handlers = (currency: string): Handler[] => [
  onMany(OrderCreated, {
    reads: ({ subject, data }) => [owned(reservations, subject), ...stockOf(data.lines)],
    decide: ({ subject: orderId, data }, draft, { now }) =>
      kept(draft, orderId, reserve(orderId, data, draft.get(reservations, orderId), shelfOf(draft, currency), now)),
  }),
  news(PaymentSuccess, (orderId, known, _, now) => learn(orderId, known, 'payment.success', now)),
  news(PaymentFailed, (orderId, known, _, now) => learn(orderId, known, 'payment.failed', now)),
  news(ShippingFailed, (orderId, known, _, now) => learn(orderId, known, 'shipping.failed', now)),
  news(PaymentRefunded, takeBack),
]

/** A quote does not bind the service: the reservation decides the price. */
export const answerers = (currency: string): Answerer[] => [
  answers(InventoryQuote, ({ lines }) => ({
    reads: () => lines.map(({ sku }) => seen(stock, sku)),
    decide: (draft) => ({ result: quote(lines, shelfOf(draft, currency)), messages: [] }),
  })),
]

const shelfOf = (draft: Draft, currency: string): Shelf => ({ stockOf: (sku) => draft.get(stock, sku), currency })

/**
 * A handler for an event about an order's goods. It serves other services' events, and this service's own events during a
 * rebuild.
 */
export function news<Data>(
  contract: Contract<Data>,
  decide: (orderId: string, known: Reservation | undefined, data: Data, now: string) => Decision,
): Handler {
  return onMany(contract, {
    reads: ({ subject }, known) => [owned(reservations, subject), ...goodsOf(subject, known)],
    decide: ({ subject: orderId, data }, draft, { now }) =>
      kept(draft, orderId, decide(orderId, draft.get(reservations, orderId), data, now)),
  })
}

/** The SKUs of an order are known only after its reservation is loaded. */
const goodsOf = (orderId: string, known: Known) => stockOf(known.get(reservations, orderId)?.lines ?? [])
export const stockOf = (lines: readonly { sku: string }[]): Ref[] => lines.map(({ sku }) => owned(stock, sku))

export function kept(draft: Draft, orderId: string, { reservation, moves, messages }: Decision): Message[] {
  if (reservation) draft.set(reservations, orderId, reservation)
  for (const move of moves) {
    const before = draft.get(stock, move.sku)
    if (before) draft.set(stock, move.sku, moved(before, move))
  }
  return messages
}

/**
 * Sets the stock to an operator's count. The request is refused if the stock has changed since the operator read it. While no
 * goods are reserved or sold, and no operator has changed the stock, no condition is needed: no count can be out of date.
 *
 * @throws RejectedError 400 `price_required` for a new SKU, 428 `precondition_required`, 412 `precondition_failed`
 */
export function setStock(wanted: Restock, conditions: Conditions, now: string): Work<Stock> {
  return about(stock, wanted.sku, (known) => {
    if (!isUntouched(known))
      demandCondition(
        conditions,
        'the stock has changed since its first count: send If-Match with the ETag of GET /stock/:sku, or a difference to its /adjustments',
      )
    demandUnchanged(conditions, known && stateOf(known), 'the stock')
    if (!known && wanted.unitPriceCents === undefined)
      throw new RejectedError(400, 'price_required', `${wanted.sku} is new: send its unitPriceCents too`, {
        errors: [{ field: 'unitPriceCents', message: 'is required for a new SKU' }],
      })
    const { stock: state, messages } = restock(known, wanted, now)
    return { state, messages, result: state }
  })
}

/**
 * Changes the stock by a difference. A repeat under the same key changes nothing.
 *
 * @throws RejectedError 404 `no_such_sku`, 409 `not_that_many`, 422 `idempotency_key_reused`
 */
export function adjustStock(key: string, wanted: Adjustment, now: string): Work<Stock> {
  const { sku, difference, reason } = wanted
  return {
    reads: () => [owned(stock, sku), owned(adjustments, key)],
    decide(draft) {
      const [known, before] = [draft.get(stock, sku), draft.get(adjustments, key)]
      if (!known) throw new RejectedError(404, 'no_such_sku', `no SKU ${sku}`)
      if (before && (before.sku !== sku || before.difference !== difference || before.reason !== reason))
        throw new RejectedError(422, 'idempotency_key_reused', 'this Idempotency-Key was used for another request')
      if (before) return { result: known, messages: [] }
      if (known.available + difference < 0)
        throw new RejectedError(409, 'not_that_many', `only ${known.available} of ${sku} are available`)
      const { stock: after, messages } = adjust(known, wanted, now)
      draft.set(adjustments, key, wanted)
      draft.set(stock, sku, after)
      return { result: after, messages }
    },
  }
}
