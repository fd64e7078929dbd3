// How shipping-service is rebuilt from the audit log: from its own events. An undecided order goes to the carrier again, under
// its order id.
import { PaymentSuccess, ShippingDelivered, ShippingFailed, ShippingPrepared } from '@orders/shared/contracts'
import { on, owned } from '@orders/shared/messaging'
import type { Recall } from '@orders/shared/runtime'
import { recalledShipment, withPriority } from './domain.ts'
import { shipments } from './store.ts'

export const recall: Recall = {
  passes: [
    [
      [
        on(ShippingPrepared, shipments, {
          decide: ({ subject, time, data: { trackingId, carrier } }, shipment) =>
            recalledShipment(subject, shipment, { status: 'prepared', trackingId, carrier }, time),
        }),
        on(ShippingFailed, shipments, {
          decide: ({ subject, time, data: { reason } }, shipment) =>
            recalledShipment(subject, shipment, { status: 'failed', reason }, time),
        }),
      ],
      [
        on(ShippingDelivered, shipments, {
          decide: ({ subject, time, data: { trackingId, deliveredAt } }, shipment) =>
            recalledShipment(subject, shipment, { status: 'delivered', trackingId, deliveredAt }, time),
        }),
        on(PaymentSuccess, shipments, {
          decide: ({ data: { priority } }, shipment) => withPriority(shipment, priority),
        }),
      ],
    ],
  ],
  owed: [
    {
      queue: 'shipping.queue',
      type: PaymentSuccess.type,
      reads: ({ subject }) => [owned(shipments, subject)],
      isOwed: ({ subject }, draft) => draft.get(shipments, subject) === undefined,
    },
  ],
}
