// How payment-service is rebuilt from the audit log: from its own events. An undecided order is charged again under its order
// id, by which the provider recognises an earlier charge.
import {
  InventoryReserved,
  PaymentConfirmationRequired,
  PaymentFailed,
  PaymentRefunded,
  PaymentRefundRefused,
  PaymentSuccess,
} from '@orders/shared/contracts'
import { on, owned } from '@orders/shared/messaging'
import type { Recall } from '@orders/shared/runtime'
import { wishes } from './handlers.ts'
import { isUndecided, recalled, recalledRefund, recalledRefusal, voidOwed } from './recalled.ts'
import { payments } from './store.ts'

export const recall: Recall = {
  passes: [
    [
      [
        on(PaymentSuccess, payments, {
          decide: ({ subject, time, data: { totalCents, chargeId } }, payment) =>
            recalled(subject, payment, { status: 'succeeded', totalCents, chargeId }, time),
        }),
        on(PaymentFailed, payments, {
          decide: ({ subject, time, data: { totalCents, reason } }, payment) =>
            recalled(subject, payment, { status: 'failed', totalCents, reason }, time),
        }),
      ],
      [
        on(PaymentConfirmationRequired, payments, {
          decide({ subject, time, data: { confirmBefore, lines = [], ...order } }, payment) {
            const { totalCents } = order
            const reservation = { ...order, lines }
            return recalled(
              subject,
              payment,
              { status: 'awaiting_confirmation', totalCents, confirmBefore, reservation },
              time,
            )
          },
        }),
        on(PaymentRefundRefused, payments, {
          decide: ({ time, data: { request } }, payment) => recalledRefusal(payment, request, time),
        }),
        on(PaymentRefunded, payments, {
          decide: ({ time, data }, payment) => recalledRefund(payment, data, time),
        }),
      ],
      [
        on(InventoryReserved, payments, {
          decide: ({ subject, time, data }, payment) => voidOwed(subject, payment, data, time),
        }),
        ...wishes,
      ],
    ],
  ],
  owed: [
    {
      queue: 'payment.queue',
      type: InventoryReserved.type,
      reads: ({ subject }) => [owned(payments, subject)],
      isOwed: ({ subject }, draft) => isUndecided(draft.get(payments, subject)),
    },
  ],
}
