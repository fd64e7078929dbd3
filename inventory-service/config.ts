// The settings that inventory-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const InventoryConfig = configWith({
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
  stockInitialQuantity: Type.Integer({
    minimum: 0,
    maximum: 1_000_000_000,
    default: 10_000,
    description: 'Stock of each article of the default catalogue in a new database.',
  }),
})
export type InventoryConfig = Static<typeof InventoryConfig>
