// Wires order-service: the customer's door. It takes orders, gathers the facts about them, and says how they end.
import { orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { OrderConfig } from './config.ts'
import { openPseudonyms } from './customers.ts'
import { handlers, retired } from './handlers.ts'
import { routes } from './http.ts'
import { openOrders } from './open-orders.ts'
import { fillCustomers } from './store.ts'

export const orderService: ServiceDefinition<typeof OrderConfig> = {
  name: 'order-service',
  domain: orders,
  summary: 'Takes orders, gathers what the other services say about them, and derives where each one stands.',
  folder: import.meta.dirname,
  config: OrderConfig,
  async wire(wiring) {
    const customerIdOf = await openPseudonyms(wiring.database)
    await fillCustomers(wiring.database, customerIdOf)
    return {
      consumers: [{ queue: 'order.queue', prefetch: 256, handlers, retired }],
      gauges: [openOrders(wiring.database, wiring.now)],
      routes: (app) => routes(app, wiring, customerIdOf),
    }
  },
}
