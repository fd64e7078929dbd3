// What operators may ask of payment-service; customers ask order-service.
import { InventoryReserved, OrderId, Payment } from '@orders/shared/contracts'
import { listRetries } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { pendingSince, replyOf } from './answers.ts'
import type { Begun } from './begun.ts'
import type { PaymentConfig } from './config.ts'
import { payments } from './store.ts'

const ByOrder = Type.Object({ orderId: OrderId })

export function routes(app: HttpServer, { auth, database, now }: Wiring<PaymentConfig>, begun: Begun): void {
  app.get(
    '/payments/:orderId',
    {
      onRequest: auth.operator,
      schema: { params: ByOrder, response: { 200: Payment }, summary: 'Where the payment of an order stands' },
    },
    async ({ params: { orderId } }) => {
      const payment = (await payments.load(database, [orderId])).get(orderId)
      if (payment) return replyOf(payment)
      const [waiting] = await listRetries(database, { type: InventoryReserved.type, subject: orderId, limit: 1 })
      if (waiting) return pendingSince(orderId, waiting.keptAt)
      if (begun.has(orderId)) return pendingSince(orderId, now().toISOString())
      throw new RejectedError(404, 'no_payment_yet', `nothing is known of a payment for order ${orderId} yet`)
    },
  )
}
