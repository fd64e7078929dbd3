// Where shipping-service stores data about a customer: their shipments. Addresses are only in the events.
import { type Holdings, rowsOf } from '@orders/shared/runtime'

export const holdings: Holdings = {
  shipments: rowsOf('shipments', { by: 'subjects', column: 'order_id', place: ['order_id'] }),
}
