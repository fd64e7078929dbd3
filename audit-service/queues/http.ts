// The HTTP route that shows the broker's queues.
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
        summary: 'The broker’s queues: how many messages wait, since when, and which queues back up',
      },
    },
    () => watching.latest(),
  )
}
