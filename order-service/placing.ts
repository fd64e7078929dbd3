// Places orders at the total that the customer has seen. inventory-service owns the prices, so it is asked first. It checks the
// total again when it reserves the goods.
import { InventoryQuote, type Quote } from '@orders/shared/contracts'
import { ask, type Broker, type Cause } from '@orders/shared/messaging'
import { asError, RejectedError } from '@orders/shared/runtime'
import type { Order } from './domain.ts'
import type { Placed } from './facts.ts'

/** The total is right, or why the order is refused. */
export type Price = 'right' | RejectedError

interface Parts {
  broker: Broker
  /** How long to wait for the quote, in milliseconds. */
  timeoutMs: number
  cause: Cause
  /** Called without a price first. Returns undefined if the order is new and its price must be asked for. */
  place(price?: Price): Promise<Order | undefined>
}

/**
 * Asks for the price only if the order is new and has an expected total. An existing order is returned as it is.
 *
 * @throws what `place` throws; RejectedError 409 `price_changed` or `unknown_sku`, 504 `no_answer_in_time`
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
