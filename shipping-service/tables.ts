// How each table of shipping-service is rebuilt, and how long its rows are kept.
import type { Tables } from '@orders/shared/runtime'
import { shipments } from './store.ts'

export const tables: Tables = {
  shipments: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'order_id',
      since: 'updated_at',
      ended: `status in ('delivered', 'failed')`,
      state: shipments,
      isSubject: true,
      after: 'order-service',
    },
  },
}
