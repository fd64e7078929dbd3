// HTTP routes for customers' preferences, for the shop that sets them on its customers' behalf.
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
import { type Static, Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { isTimeZone } from '../customers/domain.ts'
import { CustomerId } from '../customers/http.ts'
import { faulty } from '../rendering/request.ts'
import { PreferencesView } from '../views.ts'
import { changePreferences } from './handlers.ts'
import { customerKey, documentOf, noPreferences, type Preferences, silenced } from './preferences.ts'
import { QUIET_HOURS } from './quiet-hours.ts'
import type { Terms } from './settings.ts'
import { preferences as stored } from './store.ts'

const ById = Type.Object({ id: CustomerId })
const Switch = Type.Optional(Type.Boolean())
const Category = Type.Object(
  { email: Switch, sms: Switch, push: Switch, webhook: Switch, digest: Switch },
  { additionalProperties: false, description: 'false for a channel: no messages of this category by it' },
)
const PreferencesBody = Type.Object(
  {
    quietHours: Type.Optional(
      Type.Union([Type.String({ pattern: QUIET_HOURS, description: 'For example 22:00-08:00' }), Type.Null()]),
    ),
    timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA, for example Europe/Berlin' })),
    categories: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,63}$' }), Category, { maxProperties: 100 }),
    ),
  },
  { additionalProperties: false },
)

export function ruleRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, terms: Terms): void {
  const { commit, database, auth, now } = wiring
  const options = { onRequest: auth.operator, config: { hasPrivateUrl: true } }

  app.get(
    '/customers/:id/preferences',
    {
      ...options,
      schema: {
        params: ById,
        response: { 200: PreferencesView },
        operationId: 'getPreferences',
        summary: 'A customer’s preferences',
      },
    },
    async ({ params }, reply) => {
      const recipient = customerKey(params.id)
      const preferences = (await stored.load(database, [recipient])).get(recipient) ?? noPreferences
      return reply.header('etag', tagOf(preferences)).send(preferences)
    },
  )

  app.put(
    '/customers/:id/preferences',
    {
      ...options,
      schema: {
        params: ById,
        headers: Conditions,
        body: PreferencesBody,
        response: { 200: PreferencesView },
        problems: {
          400: ['transactional_category'],
          412: ['precondition_failed'],
          428: ['precondition_required'],
        },
        operationId: 'putPreferences',
        summary: 'Replace all preferences, if they have not changed since you read them',
      },
    },
    async (request, reply) => {
      const recipient = customerKey(request.params.id)
      const preferences = checked(request.body, terms)
      const { headers } = request
      const work = changePreferences(
        recipient,
        () => preferences,
        now().toISOString(),
        (before) => {
          // The customer may have changed them by a link in a mail since they were read.
          if (before && tagOf(before) !== tagOf(preferences)) demandCondition(headers, READ_FIRST)
          demandUnchanged(headers, tagOf(before ?? noPreferences), 'the preferences')
        },
      )
      const after = await commit.submit(work, traceOf(request))
      return reply.header('etag', tagOf(after)).send(after)
    },
  )
}

const READ_FIRST =
  'this customer has preferences already: send If-Match with the ETag of GET /customers/:id/preferences'
const tagOf = (preferences: Preferences) => entityTagOf(documentOf(preferences))

/** @throws RejectedError 400 `invalid_input`, 400 `transactional_category`. */
function checked({ categories = {}, ...rest }: Static<typeof PreferencesBody>, { settings }: Terms): Preferences {
  const preferences = { ...rest, categories }
  if (rest.timeZone !== undefined && !isTimeZone(rest.timeZone))
    throw faulty([{ field: 'timeZone', message: 'is not an IANA time zone, such as Europe/Berlin' }])
  const [category] = silenced(preferences, (name) => settings.transactional.has(name))
  if (category !== undefined)
    throw new RejectedError(
      400,
      'transactional_category',
      `${category} is transactional: leave it at least one channel`,
      { errors: [{ field: `categories.${category}`, message: 'leaves no channel' }] },
    )
  return preferences
}
