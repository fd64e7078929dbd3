// How order-service is rebuilt from the log: what customers asked are facts again, and what the others said is learnt again.
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
            // The operator's own key is not said; a repeat under it is a new request, of what is left.
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
