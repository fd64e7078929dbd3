// Second stop of an order: its goods are set aside, then sold, or made available again.
import {
  type Contract,
  type Message,
  OrderCreated,
  PaymentFailed,
  PaymentSuccess,
  ShippingFailed,
} from '@orders/shared/contracts'
import { type Done, type Handler, on } from '@orders/shared/messaging'
import { RejectedError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import { type GoodsFact, learn, type Restock, reserve, restock } from './domain.ts'
import { articlesOf, reservationOf, type StockRow, saveArticle, saveDecision, stockOf } from './store.ts'

export const handlers: Handler[] = [
  on(OrderCreated, async ({ subject: orderId, data }, tx, { now }) => {
    const known = await reservationOf(tx, orderId)
    const stock = await articlesOf(
      tx,
      data.lines.map(({ sku }) => sku),
    )
    const decision = reserve(orderId, data, known, stock, now)
    await saveDecision(tx, orderId, decision, now)
    return decision.messages
  }),
  news(PaymentSuccess, 'payment.success'),
  news(PaymentFailed, 'payment.failed'),
  news(ShippingFailed, 'shipping.failed'),
]

function news<Data>(contract: Contract<Data>, fact: GoodsFact): Handler {
  return on(contract, async ({ subject: orderId }, tx, { now }): Promise<Message[]> => {
    const decision = learn(orderId, await reservationOf(tx, orderId), fact, now)
    await saveDecision(tx, orderId, decision, now)
    return decision.messages
  })
}

/** @throws RejectedError 400 `price_required` for a SKU that is new. */
export async function setStock(tx: Sql, wanted: Restock, now: string): Promise<Done<StockRow>> {
  const known = await stockOf(tx, wanted.sku)
  if (!known && wanted.unitPriceCents === undefined)
    throw new RejectedError(400, 'price_required', `${wanted.sku} is new: say its unitPriceCents too`, {
      errors: [{ field: 'unitPriceCents', message: 'is required for a new SKU' }],
    })
  const { article, messages } = restock(known, wanted, now)
  await saveArticle(tx, article)
  return { result: { reserved: 0, committed: 0, ...known, ...article }, messages }
}
