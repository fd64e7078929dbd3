// The articles that a new database begins with, so that the first order finds something to buy.
import type { Article } from './domain.ts'

/** `item1` at 10.00 to `item10` at 100.00, stocked alike, and `soldout`, of which there is none. */
export function defaultCatalogue(quantity: number): Article[] {
  const stocked = Array.from({ length: 10 }, (_, index) => {
    const number = index + 1
    return { sku: `item${number}`, name: `Item ${number}`, unitPriceCents: number * 1_000, available: quantity }
  })
  return [...stocked, { sku: 'soldout', name: 'Sold out', unitPriceCents: 1_000, available: 0 }]
}
