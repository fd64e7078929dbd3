// What operators may ask about customers: where each is told.
import { Locale } from '@orders/shared/contracts'
import { about } from '@orders/shared/messaging'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { Addresses } from '../addresses.ts'
import type { NotificationConfig } from '../config.ts'
import { faulty } from '../rendering/request.ts'
import { isTimeZone } from '../rules/quiet-hours.ts'
import { customers } from './store.ts'

export const CustomerId = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: '^[^\\u0000-\\u001f\\u007f]+$',
  description: 'of an order’s customer, its `user`',
})
const ById = Type.Object({ id: CustomerId })
const PutCustomer = Type.Object(
  {
    addresses: Type.Object(Addresses, { additionalProperties: false, minProperties: 1 }),
    locale: Type.Optional(Locale),
    timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA name, for example Europe/Vienna' })),
  },
  { additionalProperties: false },
)

export function customerRoutes(app: HttpServer, { commit, database, auth, now }: Wiring<NotificationConfig>): void {
  // A customer's name in the path may be a mail address.
  const operators = { onRequest: auth.operator, config: { hasPrivateUrl: true } }

  app.get(
    '/customers/:id',
    { ...operators, schema: { params: ById, summary: 'Where a customer is told, and in which language' } },
    async ({ params: { id } }) => {
      const customer = (await customers.load(database, [id])).get(id)
      if (!customer) throw noSuchCustomer()
      return customer
    },
  )

  app.put(
    '/customers/:id',
    { ...operators, schema: { params: ById, body: PutCustomer, summary: 'Say where a customer is told' } },
    async (request) => {
      const { id } = request.params
      const { addresses, locale = null, timeZone = null } = request.body
      if (timeZone !== null && !isTimeZone(timeZone))
        throw faulty([{ field: 'timeZone', message: 'is no IANA time zone, such as Europe/Vienna' }])
      const customer = { id, addresses, locale, timeZone, updatedAt: now().toISOString() }
      const put = about(customers, id, () => ({ state: customer, messages: [], result: customer }))
      return commit.submit(put, traceOf(request))
    },
  )
}

export function noSuchCustomer(): RejectedError {
  return new RejectedError(
    404,
    'no_such_customer',
    'no customer of this id is known; PUT /customers/{id} makes one known',
  )
}
