// Wires order-service: the customer's door. It takes orders, gathers the facts about them, and says how they end.
import { orders } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { OrderConfig } from './config.ts'
import { openPseudonyms } from './customers.ts'
import { sealEarlier } from './earlier/seal.ts'
import { expiredAmong } from './expiring/store.ts'
import { forgetterOf } from './forgetting/forget.ts'
import { forgettingHandlers } from './forgetting/handlers.ts'
import { customerRoutes } from './forgetting/http.ts'
import { handlers, retired } from './handlers.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { openOrders } from './open-orders.ts'
import { recall } from './recall.ts'
import { fillCustomers } from './store.ts'
import { tables } from './tables.ts'

export const orderService: ServiceDefinition<typeof OrderConfig> = {
  name: 'order-service',
  domain: orders,
  summary: 'Takes orders, gathers what the other services say about them, and derives where each one stands.',
  tags: {
    orders: 'Orders: placed, followed, cancelled, confirmed and refunded.',
    customers: 'What is held of a customer, and customers who are to be forgotten.',
  },
  folder: import.meta.dirname,
  holdings,
  config: OrderConfig,
  tables,
  recall: () => recall,
  async wire(wiring) {
    const customerIdOf = await openPseudonyms(wiring.database)
    const { config, database, parts } = wiring
    await fillCustomers(database, customerIdOf)
    if (config.encryptPersonal) {
      const earlier = sealEarlier(wiring)
      parts.use('encryption of earlier orders', earlier, (it) => it.close())
    }
    return {
      consumers: [{ queue: 'order.queue', prefetch: 256, handlers, retired }],
      keyHandlers: forgettingHandlers(orders.services),
      removed: (orderIds) => expiredAmong(database, orderIds),
      forget: forgetterOf(database),
      gauges: [openOrders(database, wiring.now)],
      routes(app) {
        routes(app, wiring, customerIdOf)
        customerRoutes(app, wiring, customerIdOf, orders.services)
      },
    }
  },
}
