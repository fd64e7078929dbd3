// Restores reservations and stock from this service's own events during a rebuild. What is known already stays.
import type { PricedLine } from '@orders/shared/contracts'
import { type Decision, movesBetween, type Reservation, type Stock, unknown } from './domain.ts'

/** The reservation as its event states it, with the moves of its goods. */
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

/** The stock after an operator's change, the `count`th of this SKU. Undefined if the change is known already. */
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
