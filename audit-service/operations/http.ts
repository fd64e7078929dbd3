// The HTTP routes that show all services in one place: their state, and the messages that wait in them for a retry.
import { ask, operationsOf, Retries, Retry, RetryFilter, RetryId } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring, withoutPrivate } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import { type Acting, act } from '../acting.ts'
import { By } from '../failed/forms.ts'
import { lookAtServices } from './services.ts'
import { ServicesView } from './views.ts'

const Service = Type.String({ pattern: '^[a-z]{1,40}-service$', description: 'Such as payment-service' })
const ByService = Type.Object({ service: Service })
const ByRetry = Type.Object({ service: Service, ...RetryId.properties })

/** Enough for an answer that needs a commit. */
const ANSWER_MS = 5_000
/** The problems of a service that gives no valid answer. */
const UNANSWERED = { 502: ['bad_answer'], 503: ['broker_unavailable'], 504: ['no_answer_in_time'] }

export function operationRoutes(
  app: HttpServer,
  { broker, database, auth, now }: Pick<Wiring<object>, 'broker' | 'database' | 'auth' | 'now'>,
  { services, states }: Pick<Acting, 'states'> & { services: readonly string[] },
): void {
  const operators = { onRequest: auth.operator }
  const look = lookAtServices({ broker, database, services, now })
  const acting: Acting = { database, states, now }

  app.get(
    '/operations/services',
    {
      ...operators,
      schema: {
        response: { 200: ServicesView },
        operationId: 'listServices',
        summary:
          'The state of every service: whether it answers, why it is not ready, what waits in it, and which breakers are open',
      },
    },
    async () => ({ services: await look() }),
  )

  app.get(
    '/operations/services/:service/retries',
    {
      ...operators,
      schema: {
        params: ByService,
        querystring: RetryFilter,
        response: { 200: Retries },
        problems: { 404: ['no_such_service'], ...UNANSWERED },
        operationId: 'listRetriesOf',
        summary: 'Messages of a service that wait for a retry, and why; the earliest due first',
      },
    },
    async (request) => {
      const { retries } = operationsOf(known(request.params.service))
      const page = await ask(broker, retries, request.query, ANSWER_MS, traceOf(request))
      // An error text may repeat a person's address.
      return JSON.parse(withoutPrivate(JSON.stringify(page))) as typeof page
    },
  )

  app.post(
    '/operations/services/:service/retries/:id/hasten',
    {
      ...operators,
      schema: {
        params: ByRetry,
        body: By,
        response: { 202: Retry },
        problems: { 404: ['no_such_service', 'no_such_retry'], ...UNANSWERED },
        operationId: 'hastenRetryOf',
        summary: 'Try a message of a service now; no effect while it is being handled',
      },
    },
    async (request, reply) => {
      const { hasten } = operationsOf(known(request.params.service))
      await recorded('hasten', request)
      return reply.status(202).send(await ask(broker, hasten, idOf(request), ANSWER_MS, traceOf(request)))
    },
  )

  app.post(
    '/operations/services/:service/retries/:id/give-up',
    {
      ...operators,
      schema: {
        params: ByRetry,
        body: By,
        response: { 202: Retry },
        problems: { 404: ['no_such_service', 'no_such_retry'], 409: ['under_way'], ...UNANSWERED },
        operationId: 'giveUpRetryOf',
        summary: 'Give a message of a service up: its handler’s `giveUp` decides, or it becomes a failed message',
      },
    },
    async (request, reply) => {
      const { giveUp } = operationsOf(known(request.params.service))
      await recorded('give_up', request)
      return reply.status(202).send(await ask(broker, giveUp, idOf(request), ANSWER_MS, traceOf(request)))
    },
  )

  interface Wanted {
    params: Static<typeof ByRetry>
    body: Static<typeof By>
  }

  const idOf = ({ params: { id } }: Wanted) => ({ id })

  /** Recorded first: an action without a record would be worse than a record of an action that was refused. */
  const recorded = (action: string, { params: { service, id }, body: by }: Wanted) =>
    act(acting, by, async () => ({ action, about: { service, retry: id }, result: undefined }))

  /** @throws RejectedError 404 `no_such_service` */
  function known(service: string): string {
    if (services.includes(service)) return service
    throw new RejectedError(404, 'no_such_service', `there is no ${service}; the services are ${services.join(', ')}`)
  }
}
