// What shipping-service reads from the environment.
import { configWith, timerSettings } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000

export const ShippingConfig = configWith({
  ...timerSettings,
  shippingTransitMs: Type.Integer({
    minimum: 1,
    // RabbitMQ refuses an expiration of 2^32 ms or more.
    maximum: THIRTY_DAYS_MS,
    default: 2_000,
    description: 'How long the simulated parcel is on the road, in milliseconds.',
  }),
})
export type ShippingConfig = Static<typeof ShippingConfig>
