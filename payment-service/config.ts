// What payment-service reads from the environment.
import { configWith, timerSettings } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

const THIRTY_DAYS_MS = 30 * 24 * 60 * 60 * 1_000

export const PaymentConfig = configWith({
  ...timerSettings,
  paymentConfirmAboveCents: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    default: 100_000,
    description: 'A total above this many cents is charged only after the customer has confirmed it.',
  }),
  paymentConfirmWithinMs: Type.Integer({
    minimum: 1,
    // RabbitMQ refuses an expiration of 2^32 ms or more; nobody waits that long for a confirmation.
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long the customer has to confirm, in milliseconds.',
  }),
})
export type PaymentConfig = Static<typeof PaymentConfig>
