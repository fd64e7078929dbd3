// How each table of payment-service is rebuilt, and how long its rows are kept.
import type { Tables } from '@orders/shared/runtime'
import { payments } from './store.ts'

export const tables: Tables = {
  payments: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'order_id',
      since: 'updated_at',
      // Nothing can be charged any more, and no refund is owed. A refund that an operator gave up is still owed.
      ended: `(status in ('failed', 'refunded') or (status = 'succeeded' and shipping_failure is null))
        and coalesce(refunds, '') not like '%"status":"due"%' and coalesce(refunds, '') not like '%"status":"given_up"%'`,
      state: payments,
      isSubject: true,
      after: 'order-service',
    },
  },
}
