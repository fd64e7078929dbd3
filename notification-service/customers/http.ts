// HTTP routes for operators about customers' addresses.
import { canonicalUser, demandEmail, Locale, User } from '@orders/shared/contracts'
import { about } from '@orders/shared/messaging'
import {
  Conditions,
  demandCondition,
  demandUnchanged,
  entityTagOf,
  type HttpServer,
  RejectedError,
  traceOf,
  type Wiring,
} from '@orders/shared/runtime'
import { Type } from 'typebox'
import { Addresses } from '../addresses.ts'
import { canonicalContact } from '../canonical-addresses.ts'
import type { NotificationConfig } from '../config.ts'
import { faulty } from '../rendering/request.ts'
import { CustomerView } from '../views.ts'
import { type Customer, isTimeZone } from './domain.ts'
import { customers } from './store.ts'

export const CustomerId = { ...User, description: 'The customer: the `user` of an order' }
const ById = Type.Object({ id: CustomerId })
const PutCustomer = Type.Object(
  {
    addresses: Type.Object(Addresses, { additionalProperties: false, minProperties: 1 }),
    locale: Type.Optional(Locale),
    timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA name, for example Europe/Vienna' })),
  },
  { additionalProperties: false },
)

export function customerRoutes(
  app: HttpServer,
  { commit, config, database, auth, now }: Wiring<NotificationConfig>,
): void {
  // The customer's id in the path may be a mail address, so the path stays out of logs.
  const operators = { onRequest: auth.operator, config: { hasPrivateUrl: true } }

  app.get(
    '/customers/:id',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 200: CustomerView },
        problems: { 404: ['no_such_customer'] },
        operationId: 'getCustomer',
        summary: 'A customer’s addresses and language',
      },
    },
    async ({ params }, reply) => {
      const id = canonicalUser(params.id)
      const customer = (await customers.load(database, [id])).get(id)
      if (!customer) throw noSuchCustomer()
      return reply.header('etag', entityTagOf(customer)).send(customer)
    },
  )

  app.put(
    '/customers/:id',
    {
      ...operators,
      schema: {
        params: ById,
        headers: Conditions,
        body: PutCustomer,
        response: { 200: CustomerView },
        problems: { 400: ['bad_address'], 412: ['precondition_failed'], 428: ['precondition_required'] },
        operationId: 'putCustomer',
        summary: 'Replace a customer’s addresses and language, if they have not changed since you read them',
      },
    },
    async (request, reply) => {
      const id = canonicalUser(request.params.id)
      const { locale = null, timeZone = null } = request.body
      const addresses = canonicalContact(request.body.addresses, config.phoneCountry)
      demandEmail(addresses.email, 'addresses.email')
      if (timeZone !== null && !isTimeZone(timeZone))
        throw faulty([{ field: 'timeZone', message: 'is not an IANA time zone, such as Europe/Vienna' }])
      const customer = { id, addresses, locale, timeZone, updatedAt: now().toISOString() }
      const put = about(customers, id, (before) => {
        const isSame = before && saidOf(before) === saidOf(customer)
        // Without a condition, a client that has not read the current version could overwrite a corrected address.
        if (before && !isSame) demandCondition(request.headers, READ_FIRST)
        demandUnchanged(request.headers, before && entityTagOf(before), 'the customer')
        return isSame ? { messages: [], result: before } : { state: customer, messages: [], result: customer }
      })
      const after = await commit.submit(put, traceOf(request))
      return reply.header('etag', entityTagOf(after)).send(after)
    },
  )
}

const READ_FIRST = 'this customer exists already: send If-Match with the ETag of GET /customers/:id'
/** Ignores `updatedAt`, so that a repeat counts as the same. */
const saidOf = ({ updatedAt: _, ...said }: Customer) => entityTagOf(said)

export function noSuchCustomer(): RejectedError {
  return new RejectedError(404, 'no_such_customer', 'no customer has this id; PUT /customers/{id} creates one')
}
