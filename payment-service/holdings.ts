// Where payment-service stores data about a customer: the payments of their orders, with the refunds.
import { type Holdings, rowsOf } from '@orders/shared/runtime'

export const holdings: Holdings = {
  payments: rowsOf('payments', {
    ...{ by: 'subjects', column: 'order_id', place: ['order_id'] },
    json: ['reservation', 'refunds', 'owed_to'],
    sealed: ['reservation', 'owed_to'],
  }),
}
