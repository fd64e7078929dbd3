// Wires shipping-service: the only writer of "shipped or refused", between the order and the carrier.
import type { ServiceDefinition } from '@orders/shared/runtime'
import { openSimulatedCarrier } from './carrier.ts'
import { ShippingConfig } from './config.ts'
import { arrivals, handlers } from './handlers.ts'
import { routes } from './http.ts'

export const shippingService: ServiceDefinition<typeof ShippingConfig> = {
  name: 'shipping-service',
  place: 3,
  summary: 'Hands what is paid to the carrier, and says when it arrived or why it cannot go.',
  folder: import.meta.dirname,
  config: ShippingConfig,
  wire: (wiring) => ({
    consumers: [
      {
        queue: 'shipping.queue',
        prefetch: 256,
        handlers: handlers(openSimulatedCarrier(), { transitMs: wiring.config.shippingTransitMs }),
      },
    ],
    timers: [arrivals(wiring.config)],
    routes: (app) => routes(app, wiring),
  }),
}
