// Where order-service stores data about a customer: orders, their facts, and the idempotency keys of their requests.
import { type Holdings, rowsOf } from '@orders/shared/runtime'

export const holdings: Holdings = {
  orders: rowsOf('orders', {
    ...{ by: 'owner', column: 'customer_id', place: ['created_at', 'order_id'] },
    sealed: ['user_name'],
    subject: 'order_id',
  }),
  forgettings: rowsOf('forgettings', {
    ...{ by: 'owner', column: 'customer_id', place: ['customer_id'] },
    json: ['services'],
  }),
  facts: rowsOf('facts', {
    ...{ by: 'subjects', column: 'order_id', place: ['sequence'] },
    json: ['data', 'personal'],
    sealed: ['personal'],
  }),
  idempotency_keys: rowsOf('idempotency_keys', {
    ...{ by: 'subjects', column: 'order_id', place: ['idempotency_key'] },
  }),
  secrets: 'the key that makes all pseudonyms',
}
