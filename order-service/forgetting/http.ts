// The routes by which operators forget and export a customer. order-service has them since it alone makes the pseudonyms.
import { Readable } from 'node:stream'
import { type HttpServer, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { OrderConfig } from '../config.ts'
import { type CustomerIdOf, spellingsOf } from '../customers.ts'
import { ByCustomer, ExportBy, ExportView, ForgettingView } from '../views.ts'
import { exported } from './export.ts'
import { noSuchCustomer, progressOf, recordExport, requestForgetting } from './handlers.ts'
import { forgettings, namesOf, newestOrdersOf } from './store.ts'

const PSEUDONYM = /^cus_[a-z2-7]{26}$/

export function customerRoutes(
  app: HttpServer,
  { auth, commit, database, crossing, openKey, gather, now }: Wiring<OrderConfig>,
  customerIdOf: CustomerIdOf,
  services: readonly string[],
): void {
  const pseudonymOf = (id: string) => (PSEUDONYM.test(id) ? id : customerIdOf(id))
  const operators = { onRequest: auth.operator, config: { hasPrivateUrl: true } }

  /** The names in the customer's orders, and the name in the request. */
  async function namesFor(customerId: string, asked: string): Promise<string[]> {
    const names = await namesOf(database, customerId)
    return spellingsOf(PSEUDONYM.test(asked) ? names : [...names, asked])
  }

  app.post(
    '/customers/:id/forget',
    {
      ...operators,
      schema: {
        params: ByCustomer,
        response: { 202: ForgettingView },
        problems: { 404: ['no_such_customer'] },
        operationId: 'forgetCustomer',
        summary: 'Forget a customer: every service deletes the keys of their personal data',
        description:
          'This cannot be undone. A repeat shows the progress. You can also forget a `user` who never ordered, since other services may ' +
          'have data about them. An unknown pseudonym is refused.',
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const customerId = pseudonymOf(id)
      const wasForgotten = (await forgettings.load(database, [customerId])).has(customerId)
      // Another service may hold data, such as an address, about a customer who never ordered. The message to the others is
      // encrypted with the customer's key, so a key is needed; it is dropped with the others.
      if (!wasForgotten && !PSEUDONYM.test(id)) await openKey(customerId)
      const [names, subjects] = await Promise.all([namesFor(customerId, id), newestOrdersOf(database, customerId)])
      const told = { names: await crossing.seal(JSON.stringify(names), customerId), subjects }
      const at = now().toISOString()
      const forgetting = await commit.submit(requestForgetting(customerId, told, at), traceOf(request))
      return reply.status(202).send(progressOf(customerId, forgetting, services))
    },
  )

  app.get(
    '/customers/:id/forget',
    {
      ...operators,
      schema: {
        params: ByCustomer,
        response: { 200: ForgettingView },
        problems: { 404: ['no_such_customer'] },
        operationId: 'getForgetting',
        summary: 'Which services have deleted the keys of a customer',
      },
    },
    async ({ params }) => {
      const customerId = pseudonymOf(params.id)
      const forgetting = (await forgettings.load(database, [customerId])).get(customerId)
      if (!forgetting) throw noSuchCustomer(customerId)
      return progressOf(customerId, forgetting, services)
    },
  )

  app.get(
    '/customers/:id/export',
    {
      ...operators,
      // A HEAD request would be recorded as an export and return no data.
      exposeHeadRoute: false,
      schema: {
        params: ByCustomer,
        querystring: ExportBy,
        // The answer is streamed, so Fastify must not serialize it.
        response: { 200: Type.Unsafe<Readable>(ExportView) },
        operationId: 'exportCustomer',
        summary: 'Export all data of a customer from every service',
        description:
          'Who asked and why is recorded before. If a service does not answer, `missing` names it and `isComplete` is false. ' +
          'The answer is streamed: if it was cut off, it is not valid JSON.',
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const customerId = pseudonymOf(id)
      const exportedAt = now().toISOString()
      await commit.submit(recordExport(customerId, request.query, exportedAt), traceOf(request))
      const gathered = gather({ ownerId: customerId, names: await namesFor(customerId, id) }, traceOf(request))
      return reply
        .type('application/json; charset=utf-8')
        .send(Readable.from(exported({ customerId, exportedAt }, gathered)))
    },
  )
}
