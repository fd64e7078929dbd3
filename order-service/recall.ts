// How order-service is rebuilt from the audit log: its own events restore the customers' requests, then the other services'
// events are handled again.
import { OrderCancelRequested, OrderCreated, OrderRefundRequested } from '@orders/shared/contracts'
import { on } from '@orders/shared/messaging'
import type { Recall } from '@orders/shared/runtime'
import { learn } from './domain.ts'
import { handlers } from './handlers.ts'
import { orders } from './store.ts'

export const recall: Recall = {
  passes: [
    [
      [
        on(OrderCreated, orders, {
          decide: ({ subject, time: at, data }, facts) => learn(subject, facts, { type: 'order.created', at, data }),
        }),
        on(OrderCancelRequested, orders, {
          decide: ({ subject, time: at }, facts) =>
            learn(subject, facts, { type: 'order.cancel_requested', at, data: {} }),
        }),
        on(OrderRefundRequested, orders, {
          decide({ subject, time: at, data: { request: detail, lines, totalCents, reason, returnToStock } }, facts) {
            // The event does not contain the operator's Idempotency-Key. So a repeat under that key is a new request, for what
            // is left.
            const data = {
              key: `${detail}\n`,
              wanted: { lines, reason, returnToStock },
              lines,
              totalCents,
              reason,
              returnToStock,
            }
            return learn(subject, facts, { type: 'order.refund_requested', detail, at, data })
          },
        }),
      ],
      handlers,
    ],
  ],
  owed: [],
}
