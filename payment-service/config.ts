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
  paymentPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: THIRTY_DAYS_MS,
    default: 15 * 60 * 1_000,
    description: 'How long a charge is tried while the payment provider does not answer, in milliseconds.',
  }),
  paymentCallsMax: Type.Integer({
    minimum: 1,
    maximum: 10_000,
    default: 64,
    description: 'Calls to the payment provider under way at one time, of each copy.',
  }),
})
export type PaymentConfig = Static<typeof PaymentConfig>
