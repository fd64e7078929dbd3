// HTTP routes for operators: list waiting retries, hasten one, give one up.
import { Retries, Retry, RetryFilter, RetryId } from '../contracts/definition/operations.ts'
import type { Auth } from '../http/auth.ts'
import type { HttpServer } from '../http/http.ts'
import { traceOf } from './trace.ts'
import type { Waiting } from './waiting.ts'

export const RETRY_TAGS = {
  retries: 'Messages that wait for a retry: why, after how many attempts, and when they are due.',
}

export function retryRoutes(app: HttpServer, auth: Pick<Auth, 'operator'>, waiting: Waiting): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/retries',
    {
      ...operators,
      schema: {
        querystring: RetryFilter,
        response: { 200: Retries },
        operationId: 'listRetries',
        summary: 'Messages that wait for a retry, and why; the earliest due first',
      },
    },
    async ({ query }) => waiting.list(query),
  )

  app.post(
    '/retries/:id/hasten',
    {
      ...operators,
      schema: {
        params: RetryId,
        response: { 202: Retry },
        problems: { 404: ['no_such_retry'] },
        operationId: 'hastenRetry',
        summary: 'Try a message now; no effect while it is being handled',
      },
    },
    async (request, reply) => reply.status(202).send(await waiting.hasten(request.params.id, traceOf(request))),
  )

  app.post(
    '/retries/:id/give-up',
    {
      ...operators,
      schema: {
        params: RetryId,
        response: { 202: Retry },
        problems: { 404: ['no_such_retry'], 409: ['under_way'] },
        operationId: 'giveUpRetry',
        summary: 'Give a message up: its handler’s `giveUp` decides, or it becomes a dead letter',
      },
    },
    async (request, reply) => reply.status(202).send(await waiting.giveUp(request.params.id, traceOf(request))),
  )
}
