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
  trackingUrl: Type.Optional(
    Type.String({
      maxLength: 1_900,
      pattern: '^https?://[^\\s]*\\{trackingId\\}[^\\s]*$',
      description:
        'Where a parcel can be followed; {trackingId} stands for its number. Without it customers get the number alone.',
    }),
  ),
  shippingPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long a booking is tried while the carrier does not answer, in milliseconds.',
  }),
  shippingCallsMax: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 64,
    description: 'Calls to the carrier under way at one time, of each copy.',
  }),
})
export type ShippingConfig = Static<typeof ShippingConfig>
