// What shipping-service keeps in its tables: how each comes back, and how long its rows stay.
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
