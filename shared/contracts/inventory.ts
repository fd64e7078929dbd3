// The events of inventory-service: the only writer of "reserved or out of stock", and the source of prices.
import { Type } from 'typebox'
import { event } from './define.ts'
import { Cents, Currency, Customer, Line, PriceChange, PricedLine, RefundRequest, Sku } from './shapes.ts'

export const InventoryReserved = event('inventory.reserved', {
  summary: 'Every line is reserved and priced.',
  data: Type.Object({
    ...Customer.properties,
    lines: Type.Array(PricedLine),
    totalCents: Cents,
    currency: Type.Optional(Currency),
  }),
})

export const InventoryOutOfStock = event('inventory.out_of_stock', {
  summary: 'At least one line is out of stock. Nothing was reserved.',
  data: Type.Object({
    missing: Type.Array(Type.Object({ sku: Sku, quantity: Type.Integer(), available: Type.Integer() })),
  }),
})

export const InventoryPriceChanged = event('inventory.price_changed', {
  summary: 'The order’s total differs from what the customer expected. Nothing was reserved.',
  data: Type.Object({ ...PriceChange.properties, currency: Currency }),
})

export const InventoryCommitted = event('inventory.committed', {
  summary: 'The reserved goods are sold.',
  data: Type.Object({ lines: Type.Array(Line) }),
})

export const InventoryReleased = event('inventory.released', {
  summary: 'The goods are available again: the payment failed, or the shipment was refused.',
  data: Type.Object({ lines: Type.Array(Line), reason: Type.String() }),
})

export const InventoryReturned = event('inventory.returned', {
  summary: 'Refunded goods are back in stock.',
  data: Type.Object({ lines: Type.Array(Line), request: RefundRequest }),
})

export const InventoryRestocked = event('inventory.restocked', {
  summary: 'An operator changed the stock of a SKU. The subject is the SKU.',
  data: Type.Object({
    sku: Sku,
    addedQuantity: Type.Integer(),
    available: Type.Integer(),
    unitPriceCents: Cents,
    name: Type.Optional(Type.String({ maxLength: 200, description: 'Its name in the catalogue from now on' })),
    reason: Type.Optional(Type.String()),
  }),
})
