// Assembles shipping-service, which alone decides whether an order is shipped, and calls the carrier.
import { orders } from '@orders/shared/contracts'
import { breakerFor, type ServiceDefinition } from '@orders/shared/runtime'
import { guarded, openSimulatedCarrier } from './carrier.ts'
import { ShippingConfig } from './config.ts'
import { arrivals, handlers } from './handlers.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { recall } from './recall.ts'
import { tables } from './tables.ts'

export const shippingService: ServiceDefinition<typeof ShippingConfig> = {
  name: 'shipping-service',
  domain: orders,
  summary:
    'Hands paid orders to the carrier, and publishes when the parcel was delivered or why the carrier refused it.',
  tags: { shipments: 'Parcels, one for each order.' },
  folder: import.meta.dirname,
  holdings,
  config: ShippingConfig,
  tables,
  recall: () => recall,
  wire(wiring) {
    const { shippingTransitMs: transitMs, trackingUrl, shippingPatienceMs, shippingCallsMax } = wiring.config
    const breaker = breakerFor('carrier', shippingCallsMax, wiring)
    const carrier = guarded(openSimulatedCarrier(), breaker)
    return {
      consumers: [
        {
          queue: 'shipping.queue',
          prefetch: 256,
          handlers: handlers(carrier, { transitMs, trackingUrl }, shippingPatienceMs),
        },
      ],
      breakers: [breaker],
      timers: [arrivals(wiring.config)],
      routes: (app) => routes(app, wiring),
    }
  },
}
