// The settings that payment-service reads from the environment.
import { configWith, timerSettings } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000

export const PaymentConfig = configWith({
  ...timerSettings,
  paymentConfirmAboveCents: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 100_000,
    description: 'Total in cents above which payment-service charges only after the customer has confirmed.',
  }),
  paymentConfirmWithinMs: Type.Integer({
    minimum: 1,
    // RabbitMQ refuses an expiration of 2^32 ms or more, and nobody waits that long for a confirmation.
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long the customer has to confirm a payment, in milliseconds. Then the payment fails.',
  }),
  paymentPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long payment-service retries a charge while the payment provider fails, in milliseconds.',
  }),
  paymentCallsMax: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 64,
    description: 'Calls to the payment provider in progress at one time, for each copy.',
  }),
})
export type PaymentConfig = Static<typeof PaymentConfig>
