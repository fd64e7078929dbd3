// Wires inventory-service: the only writer of "reserved or out of stock", and the keeper of the prices.
import { orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { defaultCatalogue } from './catalogue.ts'
import { InventoryConfig } from './config.ts'
import { handlers } from './handlers.ts'
import { routes } from './http.ts'
import { addMissing } from './store.ts'

export const inventoryService: ServiceDefinition<typeof InventoryConfig> = {
  name: 'inventory-service',
  domain: orders,
  summary: 'Sets goods aside for orders, sells or releases them, and knows their prices.',
  folder: import.meta.dirname,
  config: InventoryConfig,
  async wire(wiring) {
    const catalogue = defaultCatalogue(wiring.config.stockInitialQuantity)
    await wiring.database.transaction((tx) => addMissing(tx, catalogue))
    return {
      consumers: [{ queue: 'inventory.queue', prefetch: 256, handlers: handlers(wiring.config.currency) }],
      routes: (app) => routes(app, wiring),
    }
  },
}
