// Assembles inventory-service, which alone decides between reserved and out of stock, and owns the prices.
import { orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import type { Database } from '@orders/shared/storage'
import { defaultCatalogue } from './catalogue.ts'
import { InventoryConfig } from './config.ts'
import { answerers, handlers } from './handlers.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { recallOf } from './recall.ts'
import { addMissing } from './store.ts'
import { tables } from './tables.ts'

export const inventoryService: ServiceDefinition<typeof InventoryConfig> = {
  name: 'inventory-service',
  domain: orders,
  summary: 'Reserves goods for orders, sells or releases them, and knows their prices.',
  tags: {
    catalogue: 'The goods that customers can order, with prices.',
    stock: 'Available and reserved quantities.',
  },
  folder: import.meta.dirname,
  holdings,
  config: InventoryConfig,
  tables,
  async recall({ config, database }) {
    await stockNew(database, config)
    return recallOf(config.currency)
  },
  async wire(wiring) {
    const { currency } = wiring.config
    await stockNew(wiring.database, wiring.config)
    return {
      consumers: [{ queue: 'inventory.queue', prefetch: 256, handlers: handlers(currency) }],
      rpc: { queue: 'inventory.rpc.queue', prefetch: 64, answerers: answerers(currency) },
      routes: (app) => routes(app, wiring),
    }
  },
}

function stockNew(database: Database, { stockInitialQuantity }: InventoryConfig): Promise<void> {
  return database.transaction((tx) => addMissing(tx, defaultCatalogue(stockInitialQuantity)))
}
