// How each table of inventory-service is rebuilt, and how long its rows are kept.
import type { Tables } from '@orders/shared/runtime'
import { reservations } from './store.ts'

export const tables: Tables = {
  stock: { rebuilt: 'derived', kept: { forEver: 'one row for each article: its stock' } },
  reservations: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'order_id',
      since: 'updated_at',
      ended: `outcome is not null and (outcome <> 'reserved' or facts <> '[]')`,
      state: reservations,
      isSubject: true,
      after: 'order-service',
    },
  },
  // If a row were removed, a repeat under its key would change the stock again.
  adjustments: {
    rebuilt: 'backup only',
    kept: { forEver: 'a repeated request must not change the stock again, and operators make few' },
  },
}
