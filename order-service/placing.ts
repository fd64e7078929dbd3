// Orders at the total that the customer has seen. The prices are inventory's, so it is asked for them beforehand; it decides again
// when it sets the goods aside.
import { InventoryQuote, type Quote } from '@orders/shared/contracts'
import { ask, type Broker, type Cause } from '@orders/shared/messaging'
import { asError, RejectedError } from '@orders/shared/runtime'
import type { Order } from './domain.ts'
import type { Placed } from './facts.ts'

/** What came of asking for the price: it is right, or why the order is refused. */
export type Price = 'right' | RejectedError

interface Parts {
  broker: Broker
  /** How long the question waits. */
  timeoutMs: number
  cause: Cause
  /** Undefined without a price: the order is a new one, and its price is to be asked for first. */
  place(price?: Price): Promise<Order | undefined>
}

/**
 * Only a new order that says what it expects to cost is asked about; an order that exists is answered as it was.
 *
 * @throws what `place` does; RejectedError 409 `price_changed` or `unknown_sku`, 504 `no_answer_in_time`
 */
export async function placeAtPrice(placed: Placed, parts: Parts): Promise<Order> {
  const order = (await parts.place()) ?? (await parts.place(await priceOf(placed, parts)))
  if (!order) throw new Error('an order whose price is known was neither placed nor refused')
  return order
}

async function priceOf({ lines, expectedTotalCents }: Placed, { broker, timeoutMs, cause }: Parts): Promise<Price> {
  try {
    return judged(await ask(broker, InventoryQuote, { lines }, timeoutMs, cause), expectedTotalCents)
  } catch (thrown) {
    const error = asError(thrown)
    if (!(error instanceof RejectedError)) throw error
    const advice = 'repeat the request, or order without expectedTotalCents'
    return new RejectedError(504, 'no_answer_in_time', `the price is not known now: ${advice}`, { cause: error })
  }
}

function judged({ totalCents, currency, unknownSkus }: Quote, expectedTotalCents?: number): Price {
  if (unknownSkus.length > 0)
    return new RejectedError(409, 'unknown_sku', `not in the catalogue: ${unknownSkus.join(', ')}`, {
      members: { unknownSkus },
    })
  if (totalCents === expectedTotalCents) return 'right'
  return new RejectedError(
    409,
    'price_changed',
    `the order costs ${totalCents} cents ${currency}, not ${expectedTotalCents}: nothing was ordered`,
    { members: { expectedTotalCents, totalCents, currency } },
  )
}
