// What people may ask of an order: the customer places it, cancels it, confirms it; an operator gives the money back, or says that
// the parcel has arrived. Each is the function behind its HTTP route.
import { PaymentConfirm } from '@orders/shared/contracts'
import type { Work } from '@orders/shared/messaging'
import type { Wired } from '@orders/shared/runtime'
import type { Placed } from '../../order-service/facts.ts'
import { placeOrder, requestCancellation, requestRefund } from '../../order-service/handlers.ts'
import { markDelivered } from '../../shipping-service/handlers.ts'
import type { Wish } from './choreography.ts'

export const ORDER = 'order-1'
export const NOW = '2026-01-01T00:00:00.000Z'
/** When every timer of the system is over. */
export const LATE = '2027-01-01T00:00:00.000Z'
const AT_10_A_PIECE = 'item1'
const AT_100_A_PIECE = 'item10'
const SOLD_OUT = 'soldout'
export const SKUS = [AT_10_A_PIECE, AT_100_A_PIECE, SOLD_OUT]

type Kind = Pick<Placed, 'lines' | 'expectedTotalCents'>

/** One order of each kind. */
const KINDS: Record<string, Kind> = {
  'an order': { lines: [{ sku: AT_10_A_PIECE, quantity: 1 }] },
  'an order so dear that it needs a confirmation': { lines: [{ sku: AT_100_A_PIECE, quantity: 11 }] },
  'an order of what is sold out': { lines: [{ sku: SOLD_OUT, quantity: 1 }] },
  'an order at a price that has just changed': {
    lines: [{ sku: AT_10_A_PIECE, quantity: 1 }],
    expectedTotalCents: 900,
  },
}

export function wishesOf(noun: string, { rpc }: Pick<Wired, 'rpc'>): Wish[] {
  const confirm = rpc?.answerers.find(({ type }) => type === PaymentConfirm.type)
  const wishes: Record<string, Wish[]> = {
    order: [
      ...Object.entries(KINDS).map(([kind, placed]) => ({
        name: `the customer places ${kind}`,
        work: placing(placed),
      })),
      { name: 'the customer cancels', work: requestCancellation({ orderId: ORDER, at: NOW }) },
      { name: 'an operator gives the money back', work: refunding() },
    ],
    payment: confirm ? [{ name: 'the customer confirms', work: confirm.work({ orderId: ORDER }, NOW) }] : [],
    shipping: [{ name: 'an operator says that the parcel has arrived', work: markDelivered(ORDER, NOW) }],
  }
  return wishes[noun] ?? []
}

function placing(kind: Kind): Work<unknown> {
  const placed: Placed = { user: 'gayal', customerId: `cus_${'a'.repeat(26)}`, priority: 'standard', ...kind }
  return placeOrder({ orderId: ORDER, key: undefined, placed, price: 'right', at: NOW })
}

function refunding(): Work<unknown> {
  return requestRefund(ORDER, { key: 'refund-1', wanted: { reason: 'damaged', returnToStock: true }, at: NOW })
}
