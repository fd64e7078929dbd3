// What order-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const OrderConfig = configWith({
  rpcTimeoutMs: Type.Integer({
    minimum: 50,
    maximum: 60_000,
    default: 2_000,
    description: 'How long a question about a payment waits for payment-service, in milliseconds.',
  }),
})
export type OrderConfig = Static<typeof OrderConfig>
