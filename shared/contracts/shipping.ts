// The messages of shipping-service: the only writer of "shipped or refused".
import { Type } from 'typebox'
import { event, timer } from './define.ts'
import { Instant, Ordered } from './shapes.ts'

export const ShippingPrepared = event('shipping.prepared', {
  summary: 'The carrier took the parcel.',
  data: Type.Object({
    trackingId: Type.String(),
    carrier: Type.String(),
    trackingUrl: Type.Optional(Type.String({ maxLength: 2048 })),
  }),
})

export const ShippingFailed = event('shipping.failed', {
  summary:
    'The parcel was not shipped, for example because of address_not_served, carrier_unavailable or customer_forgotten.',
  data: Type.Object({ ...Ordered.properties, reason: Type.String() }),
})

export const ShippingDelivered = event('shipping.delivered', {
  summary: 'The parcel reached the customer.',
  data: Type.Object({ trackingId: Type.String(), deliveredAt: Instant }),
})

export const ShippingTransit = timer('shipping.transit', {
  queue: 'shipping.transit.queue',
  summary: 'Timer: the simulated carrier has delivered the parcel.',
  data: Type.Object({}),
})
