// Where inventory-service stores data about a customer: the reservations of their orders.
import { type Holdings, rowsOf } from '@orders/shared/runtime'

export const holdings: Holdings = {
  reservations: rowsOf('reservations', {
    ...{ by: 'subjects', column: 'order_id', place: ['order_id'] },
    json: ['lines', 'facts', 'returns'],
  }),
  stock: 'goods',
  adjustments: 'the stock changes of operators',
}
