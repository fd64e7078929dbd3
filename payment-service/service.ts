// Assembles payment-service, which alone decides whether an order is paid, and calls the payment provider.

import { join } from 'node:path'
import { orders } from '@orders/shared/contracts'
import { breakerFor, type ServiceDefinition } from '@orders/shared/runtime'
import { createBegun } from './begun.ts'
import { PaymentConfig } from './config.ts'
import { guarded, openSimulatedGateway } from './gateway.ts'
import { answerers, deadlines, handlers } from './handlers.ts'
import { holdings } from './holdings.ts'
import { routes } from './http.ts'
import { recall } from './recall.ts'
import { tables } from './tables.ts'

export const paymentService: ServiceDefinition<typeof PaymentConfig> = {
  name: 'payment-service',
  domain: orders,
  summary: 'Decides whether an order is paid, and charges it. Cancellations and deadlines are inputs to that decision.',
  tags: { payments: 'Payments, one for each order.' },
  folder: import.meta.dirname,
  holdings,
  config: PaymentConfig,
  tables,
  recall: () => recall,
  wire(wiring) {
    const { config, parts, now } = wiring
    const path = join(config.dataDir, 'payment-gateway.db')
    const simulated = parts.use('gateway', openSimulatedGateway({ path, now }), (it) => it.close())
    const breaker = breakerFor('payment gateway', config.paymentCallsMax, wiring)
    const gateway = guarded(simulated, breaker)
    const begun = createBegun()
    const terms = { confirmAboveCents: config.paymentConfirmAboveCents, confirmWithinMs: config.paymentConfirmWithinMs }
    return {
      consumers: [
        {
          queue: 'payment.queue',
          prefetch: 256,
          handlers: handlers(gateway, terms, config.paymentPatienceMs, begun),
        },
      ],
      breakers: [breaker],
      timers: [deadlines(config)],
      rpc: { queue: 'payment.rpc.queue', prefetch: 64, answerers },
      routes: (app) => routes(app, wiring, begun),
    }
  },
}
