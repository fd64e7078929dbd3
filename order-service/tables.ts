// How each table of order-service is rebuilt, and how long its rows are kept.
import type { Tables } from '@orders/shared/runtime'
import { expireOrders } from './expiring/store.ts'
import { idempotencyKeys, orders } from './store.ts'

export const tables: Tables = {
  facts: { rebuilt: 'derived', kept: { with: 'orders' } },
  orders: {
    rebuilt: 'derived',
    kept: {
      days: 'keepDays',
      key: 'order_id',
      since: 'updated_at',
      ended: `status in ('completed', 'cancelled')`,
      state: orders,
      isSubject: true,
      remove: expireOrders,
    },
  },
  // After a row is removed, a repeat under its key is a new request.
  idempotency_keys: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepDays',
      key: 'idempotency_key',
      ended: `exists (select 1 from facts where facts.order_id = idempotency_keys.order_id and facts.type = 'order.expired')`,
      state: idempotencyKeys,
    },
  },
  // The key that makes the pseudonyms. With another key, customers get other pseudonyms.
  secrets: {
    rebuilt: 'backup only',
    kept: { forEver: 'it makes the customers’ pseudonyms, which must stay the same' },
  },
  // Which services have reported that they forgot a customer. The audit log has only the final receipt.
  forgettings: {
    rebuilt: 'backup only',
    kept: { forEver: 'order-service can still answer that a customer was forgotten' },
  },
}
