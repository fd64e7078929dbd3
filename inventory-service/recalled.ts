// Reservations and stock as their own words tell them, for a database that is rebuilt; what is known already stands.
import type { PricedLine } from '@orders/shared/contracts'
import { type Decision, movesBetween, type Reservation, type Stock, unknown } from './domain.ts'

/** The reservation as its own words tell it, and where its goods are by that; what is known already stands. */
export function recalledOutcome(
  known: Reservation = unknown,
  outcome: NonNullable<Reservation['outcome']>,
  lines: PricedLine[],
  at: string,
): Decision {
  if (known.outcome !== null) return { moves: [], messages: [] }
  const reservation: Reservation = { ...known, outcome, lines, updatedAt: at }
  return { reservation, moves: movesBetween(known, reservation), messages: [] }
}

/** The stock after a change that an operator has made, the `count`th of this SKU; undefined when it is known. */
export function recalledStock(
  known: Stock | undefined,
  { sku, addedQuantity, unitPriceCents, name = known?.name ?? sku }: Recalled,
  count: number,
): Stock | undefined {
  if (known && known.restocks >= count) return undefined
  const before = known ?? { available: 0, reserved: 0, committed: 0 }
  return { ...before, sku, name, unitPriceCents, available: before.available + addedQuantity, restocks: count }
}

interface Recalled {
  sku: string
  addedQuantity: number
  unitPriceCents: number
  name?: string | undefined
}
