// What operators may ask about the queues of the broker.
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { QueuesView } from './views.ts'
import type { QueueWatch } from './watch.ts'

export function queueRoutes(app: HttpServer, { auth }: Pick<Wiring<object>, 'auth'>, watching: QueueWatch): void {
  app.get(
    '/operations/queues',
    {
      onRequest: auth.operator,
      schema: {
        response: { 200: QueuesView },
        operationId: 'listQueues',
        summary: 'The queues of the broker: what waits in each and since when, and which of them back up',
      },
    },
    () => watching.latest(),
  )
}
