// Second stop of an order: its goods are set aside, then sold, or made available again.
import {
  type Contract,
  type Message,
  OrderCreated,
  PaymentFailed,
  PaymentRefunded,
  PaymentSuccess,
  ShippingFailed,
} from '@orders/shared/contracts'
import {
  about,
  type Draft,
  type Handler,
  type Known,
  onMany,
  owned,
  type Ref,
  type Work,
} from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import {
  type Decision,
  learn,
  moved,
  type Reservation,
  type Restock,
  reserve,
  restock,
  type Stock,
  takeBack,
} from './domain.ts'
import { reservations, stock } from './store.ts'

export const handlers = (currency: string): Handler[] => [
  onMany(OrderCreated, {
    reads: ({ subject, data }) => [owned(reservations, subject), ...stockOf(data.lines)],
    decide: ({ subject: orderId, data }, draft, { now }) =>
      kept(
        draft,
        orderId,
        reserve(
          orderId,
          data,
          draft.get(reservations, orderId),
          { stockOf: (sku) => draft.get(stock, sku), currency },
          now,
        ),
      ),
  }),
  news(PaymentSuccess, (orderId, known, _, now) => learn(orderId, known, 'payment.success', now)),
  news(PaymentFailed, (orderId, known, _, now) => learn(orderId, known, 'payment.failed', now)),
  news(ShippingFailed, (orderId, known, _, now) => learn(orderId, known, 'shipping.failed', now)),
  news(PaymentRefunded, takeBack),
]

function news<Data>(
  contract: Contract<Data>,
  decide: (orderId: string, known: Reservation | undefined, data: Data, now: string) => Decision,
): Handler {
  return onMany(contract, {
    reads: ({ subject }, known) => [owned(reservations, subject), ...goodsOf(subject, known)],
    decide: ({ subject: orderId, data }, draft, { now }) =>
      kept(draft, orderId, decide(orderId, draft.get(reservations, orderId), data, now)),
  })
}

/** Which SKUs an order is about is only known once its reservation has been loaded. */
const goodsOf = (orderId: string, known: Known) => stockOf(known.get(reservations, orderId)?.lines ?? [])
const stockOf = (lines: readonly { sku: string }[]): Ref[] => lines.map(({ sku }) => owned(stock, sku))

function kept(draft: Draft, orderId: string, { reservation, moves, messages }: Decision): Message[] {
  if (reservation) draft.set(reservations, orderId, reservation)
  for (const move of moves) {
    const before = draft.get(stock, move.sku)
    if (before) draft.set(stock, move.sku, moved(before, move))
  }
  return messages
}

/** @throws RejectedError 400 `price_required` for a SKU that is new. */
export function setStock(wanted: Restock, now: string): Work<Stock> {
  return about(stock, wanted.sku, (known) => {
    if (!known && wanted.unitPriceCents === undefined)
      throw new RejectedError(400, 'price_required', `${wanted.sku} is new: say its unitPriceCents too`, {
        errors: [{ field: 'unitPriceCents', message: 'is required for a new SKU' }],
      })
    const { stock: state, messages } = restock(known, wanted, now)
    return { state, messages, result: state }
  })
}
