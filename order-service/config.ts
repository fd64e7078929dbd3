// The settings that order-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

export const OrderConfig = configWith({
  rpcTimeoutMs: Type.Integer({
    minimum: 50,
    maximum: 60_000,
    default: 2_000,
    description: 'How long order-service waits for an RPC answer of another service, in milliseconds.',
  }),
  ordersWaitingMax: Type.Integer({
    minimum: 1,
    maximum: 10_000_000,
    default: 100_000,
    description:
      'Orders that wait for inventory-, payment- or shipping-service at one time. Beyond this, POST /orders answers 503 with Retry-After.',
  }),
})
export type OrderConfig = Static<typeof OrderConfig>
