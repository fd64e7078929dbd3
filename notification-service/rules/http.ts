// What customers decide: their preferences, set by the shop on their behalf, and the link in a mail that needs no login.
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { CustomerId } from '../customers/http.ts'
import { faulty } from '../rendering/request.ts'
import { changePreferences } from './handlers.ts'
import { customerKey, noPreferences, type Preferences, silenced, withoutMailOf } from './preferences.ts'
import { isTimeZone, QUIET_HOURS } from './quiet-hours.ts'
import type { Terms } from './settings.ts'
import { preferences as stored } from './store.ts'
import { readUnsubscribeToken, type Unsubscribing } from './unsubscribe.ts'
import { type UnsubscribePages, unsubscribePages } from './unsubscribe-page.ts'

const ById = Type.Object({ id: CustomerId })
const Switch = Type.Optional(Type.Boolean())
const Category = Type.Object(
  { email: Switch, sms: Switch, push: Switch, webhook: Switch, digest: Switch },
  { additionalProperties: false, description: 'false for a channel: nothing of this category by it' },
)
const PreferencesBody = Type.Object(
  {
    quietHours: Type.Optional(
      Type.Union([Type.String({ pattern: QUIET_HOURS, description: 'for example 22:00-08:00' }), Type.Null()]),
    ),
    timeZone: Type.Optional(Type.String({ maxLength: 64, description: 'IANA, for example Europe/Berlin' })),
    categories: Type.Optional(
      Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_.-]{0,63}$' }), Category, { maxProperties: 100 }),
    ),
  },
  { additionalProperties: false },
)

export function ruleRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, terms: Terms): void {
  preferenceRoutes(app, wiring, terms)
  const pages = unsubscribePages(terms.templates.current.files)
  // Apart, so that no other route understands a form.
  app.register(async (open: HttpServer) => unsubscribeRoutes(open, wiring, pages))
}

function preferenceRoutes(
  app: HttpServer,
  { commit, database, auth, now }: Wiring<NotificationConfig>,
  terms: Terms,
): void {
  const options = { onRequest: auth.operator, config: { hasPrivateUrl: true } }

  app.get(
    '/customers/:id/preferences',
    { ...options, schema: { params: ById, summary: 'What a customer wants to be told, how and when' } },
    async ({ params }) => {
      const recipient = customerKey(params.id)
      return (await stored.load(database, [recipient])).get(recipient) ?? noPreferences
    },
  )

  app.put(
    '/customers/:id/preferences',
    { ...options, schema: { params: ById, body: PreferencesBody, summary: 'Set all of them anew' } },
    async (request) => {
      const recipient = customerKey(request.params.id)
      const preferences = checked(request.body, terms)
      return commit.submit(
        changePreferences(recipient, () => preferences, now().toISOString()),
        traceOf(request),
      )
    },
  )
}

/** @throws RejectedError 400 `invalid_input`, 400 `transactional_category`. */
function checked({ categories = {}, ...rest }: Static<typeof PreferencesBody>, { settings }: Terms): Preferences {
  const preferences = { ...rest, categories }
  if (rest.timeZone !== undefined && !isTimeZone(rest.timeZone))
    throw faulty([{ field: 'timeZone', message: 'is no IANA time zone, such as Europe/Berlin' }])
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

const ByToken = Type.Object({ token: Type.String({ maxLength: 2_000, pattern: '^[^\\u0000]+$' }) })
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}

/** Open to whoever has the token, since mail programs have no other (RFC 8058). */
function unsubscribeRoutes(
  app: HttpServer,
  { commit, config, now }: Wiring<NotificationConfig>,
  pages: UnsubscribePages,
): void {
  // `List-Unsubscribe=One-Click`, as either kind of form; the token says all there is to say.
  for (const type of ['application/x-www-form-urlencoded', 'multipart/form-data'])
    app.addContentTypeParser(type, { parseAs: 'buffer' }, (_, __, done) => done(null, undefined))

  app.get(
    '/unsubscribe/:token',
    {
      config: { hasPrivateUrl: true },
      schema: { params: ByToken, summary: 'Asks; changes nothing, since scanners follow links' },
    },
    async ({ params, headers }, reply) => {
      const about = signed(params.token)
      if (!about) return reply.status(404).headers(PAGE_HEADERS).send(noLink(headers.accept))
      return reply.headers(PAGE_HEADERS).send(pages.question(about.category, about.locale))
    },
  )

  app.post(
    '/unsubscribe/:token',
    { config: { hasPrivateUrl: true }, schema: { params: ByToken, summary: 'No more mails of this category' } },
    async (request, reply) => {
      const about = signed(request.params.token)
      if (!about) return reply.status(404).headers(PAGE_HEADERS).send(noLink(request.headers.accept))
      const { recipient, category, locale } = about
      const at = now().toISOString()
      const change = changePreferences(recipient, (before) => withoutMailOf(before, category), at)
      await commit.submit(change, traceOf(request))
      return reply.headers(PAGE_HEADERS).send(pages.done(category, locale))
    },
  )

  function signed(token: string): Unsubscribing | undefined {
    return config.unsubscribeSecret === undefined ? undefined : readUnsubscribeToken(token, config.unsubscribeSecret)
  }

  /** @throws RejectedError 404 `no_such_link` for a mail program: only a person's asks for a page. */
  function noLink(accept: string | undefined): string {
    if (accept?.includes('text/html')) return pages.noLink()
    throw new RejectedError(404, 'no_such_link', 'this link is not one of ours, or not all of it')
  }
}
