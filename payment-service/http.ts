// What operators may ask of payment-service; customers ask order-service.
import { OrderId, Payment } from '@orders/shared/contracts'
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { replyOf } from './answers.ts'
import type { PaymentConfig } from './config.ts'
import { known } from './handlers.ts'
import { payments } from './store.ts'

const ByOrder = Type.Object({ orderId: OrderId })

export function routes(app: HttpServer, { auth, database }: Wiring<PaymentConfig>): void {
  app.get(
    '/payments/:orderId',
    {
      onRequest: auth.operator,
      schema: { params: ByOrder, response: { 200: Payment }, summary: 'Where the payment of an order stands' },
    },
    async ({ params: { orderId } }) => replyOf(known((await payments.load(database, [orderId])).get(orderId), orderId)),
  )
}
