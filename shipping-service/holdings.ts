// What shipping-service holds of a customer: their parcels. Where they go is in the events only.
import { type Holdings, rowsOf } from '@orders/shared/runtime'

export const holdings: Holdings = {
  shipments: rowsOf('shipments', { by: 'subjects', column: 'order_id', place: ['order_id'] }),
}
