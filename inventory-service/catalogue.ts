// The articles in a new database, so that the first order finds something to buy.
import type { Article } from './domain.ts'

const NAMES = [
  'Desk lamp',
  'Notebook',
  'Coffee mug',
  'Water bottle',
  'Headphones',
  'Backpack',
  'Keyboard',
  'Office chair',
  'Monitor',
  'Standing desk',
]

/** `item1` at 10.00 to `item10` at 100.00, all with the same stock, and `soldout` without stock. */
export function defaultCatalogue(quantity: number): Article[] {
  const stocked = NAMES.map((name, index) => {
    const number = index + 1
    return { sku: `item${number}`, name, unitPriceCents: number * 1_000, available: quantity }
  })
  return [...stocked, { sku: 'soldout', name: 'Wall clock', unitPriceCents: 1_000, available: 0 }]
}
