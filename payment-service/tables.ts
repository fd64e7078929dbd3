// What payment-service keeps in its tables: how each comes back, and how long its rows stay.
import type { Tables } from '@orders/shared/runtime'
import { payments } from './store.ts'

export const tables: Tables = {
  payments: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'order_id',
      since: 'updated_at',
      // Nothing is charged any more, and nothing is owed: also not what an operator has given up.
      ended: `(status in ('failed', 'refunded') or (status = 'succeeded' and shipping_failure is null))
        and coalesce(refunds, '') not like '%"status":"due"%' and coalesce(refunds, '') not like '%"status":"given_up"%'`,
      state: payments,
      isSubject: true,
      after: 'order-service',
    },
  },
}
