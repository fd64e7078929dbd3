// Wires order-service: the customer's door. It takes orders, gathers the facts about them, and says how they end.
import { retired } from '@orders/shared/contracts'
import type { ServiceDefinition } from '@orders/shared/runtime'
import { OrderConfig } from './config.ts'
import { handlers } from './handlers.ts'
import { routes } from './http.ts'

export const orderService: ServiceDefinition<typeof OrderConfig> = {
  name: 'order-service',
  place: 0,
  summary: 'Takes orders, gathers what the other services say about them, and derives where each one stands.',
  folder: import.meta.dirname,
  config: OrderConfig,
  wire: (wiring) => ({
    consumers: [{ queue: 'order.queue', prefetch: 256, handlers, retired: retired['order.queue'] ?? [] }],
    routes: (app) => routes(app, wiring),
  }),
}
