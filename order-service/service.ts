// Assembles order-service: it takes orders, collects the facts about them, and publishes how they end.
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
  summary:
    'Accepts orders, collects the facts that the other services publish about them, and derives each order’s status.',
  tags: {
    orders: 'Orders: place, follow, cancel, confirm and refund them.',
    customers: 'Export a customer’s data, and forget customers.',
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
