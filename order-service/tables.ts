// What order-service keeps in its tables: how each comes back, and how long its rows stay.
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
  // A repeat under an old key is a new request.
  idempotency_keys: {
    rebuilt: 'backup only',
    kept: {
      days: 'keepDays',
      key: 'idempotency_key',
      ended: `exists (select 1 from facts where facts.order_id = idempotency_keys.order_id and facts.type = 'order.expired')`,
      state: idempotencyKeys,
    },
  },
  // The key of the pseudonyms: with another, customers have other pseudonyms from then on.
  secrets: {
    rebuilt: 'backup only',
    kept: { forEver: 'it makes the customers’ pseudonyms, which must stay the same' },
  },
  // Which service has said that it forgot; what the log has of it is the receipt.
  forgettings: {
    rebuilt: 'backup only',
    kept: { forEver: 'order-service can still answer that a customer was forgotten' },
  },
}
