// The HTTP routes of shipping-service, for operators: see a shipment, and report its delivery.
import { OrderId } from '@orders/shared/contracts'
import { type HttpServer, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { ShippingConfig } from './config.ts'
import { known, markDelivered } from './handlers.ts'
import { shipments } from './store.ts'

const Nullable = Type.Union([Type.String(), Type.Null()])
const ShipmentView = Type.Object({
  orderId: OrderId,
  status: Type.Union([Type.Literal('prepared'), Type.Literal('delivered'), Type.Literal('failed')]),
  trackingId: Nullable,
  carrier: Nullable,
  reason: Nullable,
  deliveredAt: Nullable,
  createdAt: Type.String(),
  updatedAt: Type.String(),
})
const ByOrder = Type.Object({ orderId: OrderId })

export function routes(app: HttpServer, { auth, commit, database, now }: Wiring<ShippingConfig>): void {
  const operator = { onRequest: auth.operator }
  const schema = { params: ByOrder, response: { 200: ShipmentView } }

  app.get(
    '/shipments/:orderId',
    {
      ...operator,
      schema: {
        ...schema,
        problems: { 404: ['no_such_shipment'] },
        operationId: 'getShipment',
        summary: 'The parcel of an order',
      },
    },
    async ({ params: { orderId } }) => known((await shipments.load(database, [orderId])).get(orderId), orderId),
  )

  app.post(
    '/shipments/:orderId/delivered',
    {
      ...operator,
      schema: {
        ...schema,
        problems: { 404: ['no_such_shipment'], 409: ['shipment_failed'] },
        operationId: 'markDelivered',
        summary: 'Report that the parcel was delivered; a repeat is harmless',
      },
    },
    async (request) => commit.submit(markDelivered(request.params.orderId, now().toISOString()), traceOf(request)),
  )
}
