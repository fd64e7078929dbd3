// How inventory-service is rebuilt from the audit log: first the stock changes of operators, then what was reserved, sold and
// returned.
import {
  InventoryCommitted,
  InventoryOutOfStock,
  InventoryPriceChanged,
  InventoryReleased,
  InventoryReserved,
  InventoryRestocked,
  InventoryReturned,
} from '@orders/shared/contracts'
import { onMany, owned } from '@orders/shared/messaging'
import type { Recall } from '@orders/shared/runtime'
import { learn, takeBack } from './domain.ts'
import { handlers, kept, news, stockOf } from './handlers.ts'
import { recalledOutcome, recalledStock } from './recalled.ts'
import { reservations, stock } from './store.ts'

export const recallOf = (currency: string): Recall => ({
  passes: [
    [
      [
        onMany(InventoryRestocked, {
          reads: ({ data: { sku } }) => [owned(stock, sku)],
          decide({ id, data }, draft) {
            const count = Number(id.slice(id.lastIndexOf('/') + 1))
            const after = recalledStock(draft.get(stock, data.sku), data, count)
            if (after) draft.set(stock, data.sku, after)
            return []
          },
        }),
      ],
    ],
    [
      [
        onMany(InventoryReserved, {
          reads: ({ subject, data }) => [owned(reservations, subject), ...stockOf(data.lines)],
          decide: ({ subject, data }, draft, { now }) =>
            kept(draft, subject, recalledOutcome(draft.get(reservations, subject), 'reserved', data.lines, now)),
        }),
        news(InventoryOutOfStock, (_, known, __, at) => recalledOutcome(known, 'out_of_stock', [], at)),
        news(InventoryPriceChanged, (_, known, __, at) => recalledOutcome(known, 'price_changed', [], at)),
      ],
      [
        news(InventoryCommitted, (orderId, known, _, at) => learn(orderId, known, 'payment.success', at)),
        news(InventoryReleased, (orderId, known, { reason }, at) =>
          learn(orderId, known, reason === 'payment.failed' ? 'payment.failed' : 'shipping.failed', at),
        ),
        news(InventoryReturned, (orderId, known, data, at) =>
          takeBack(orderId, known, { ...data, returnToStock: true }, at),
        ),
      ],
      handlers(currency),
    ],
  ],
  owed: [],
})
