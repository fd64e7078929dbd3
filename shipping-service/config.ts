// The settings that shipping-service reads from the environment.
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
    description: 'How long a parcel of the simulated carrier is in transit, in milliseconds.',
  }),
  trackingUrl: Type.Optional(
    Type.String({
      maxLength: 1_900,
      pattern: '^https?://[^\\s]*\\{trackingId\\}[^\\s]*$',
      description:
        'Page on which customers follow a parcel; {trackingId} stands for its tracking number. Unset: customers get only the number.',
    }),
  ),
  shippingPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long shipping-service retries a booking while the carrier fails, in milliseconds.',
  }),
  shippingCallsMax: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 64,
    description: 'Calls to the carrier in progress at one time, for each copy.',
  }),
})
export type ShippingConfig = Static<typeof ShippingConfig>
