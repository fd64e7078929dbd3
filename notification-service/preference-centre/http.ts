// HTTP routes behind the link in a mail, which need no login: view and change choices in a browser, or unsubscribe by
// one click (RFC 8058).
import { type Channel, channels } from '@orders/shared/contracts'
import { formOf, type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { customers } from '../customers/store.ts'
import { reachableBy } from '../domain.ts'
import { changePreferences } from '../rules/handlers.ts'
import {
  canonicalRecipient,
  customerIdIn,
  noPreferences,
  type Preferences,
  withoutMailOf,
} from '../rules/preferences.ts'
import type { Terms } from '../rules/settings.ts'
import { preferences as stored } from '../rules/store.ts'
import { readUnsubscribeToken, type Unsubscribing } from '../rules/unsubscribe.ts'
import { Page } from '../views.ts'
import { type Choice, choicesIn, choicesOf, withChoices } from './choices.ts'
import { type Centre, centrePages } from './page.ts'

const ByToken = Type.Object({ token: Type.String({ maxLength: 2_000, pattern: '^[^\\u0000]+$' }) })
const NO_LINK = {
  404: { description: 'The link is incomplete or forged', content: { 'text/html': { schema: Page } } },
}
const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}

export function centreRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, terms: Terms): void {
  // In a scope of its own, so that no other route parses forms.
  app.register(async (open: HttpServer) => openRoutes(open, wiring, terms))
}

/** Open to everyone who has the token, since mail programs have no other credentials. */
function openRoutes(
  app: HttpServer,
  { commit, config, database, now }: Wiring<NotificationConfig>,
  { settings, templates }: Terms,
): void {
  const pages = centrePages(templates.current.files)
  const { digested, transactional } = settings
  // Only forms and empty bodies are accepted. Any other content type, such as JSON, is not a person's click.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    ({ headers }, body, done) => done(null, formOf(body, headers['content-type'])),
  )
  // Mail programs send it for one-click unsubscribe. It says nothing that the token does not.
  app.addContentTypeParser('multipart/form-data', { parseAs: 'buffer' }, (_, __, done) => done(null, {}))

  app.get(
    '/unsubscribe/:token',
    {
      config: { hasPrivateUrl: true },
      schema: {
        params: ByToken,
        response: { 200: Page, ...NO_LINK },
        produces: ['text/html'],
        problems: { 404: ['no_such_link'] },
        operationId: 'showPreferenceCentre',
        summary: 'The preference centre; changes nothing, because mail scanners follow links',
      },
    },
    async ({ params, headers }, reply) => {
      const about = signed(params.token)
      if (!about) return reply.status(404).headers(PAGE_HEADERS).send(noLink(headers.accept))
      const { choices } = await offeredTo(about)
      return reply.headers(PAGE_HEADERS).send(pages.centre({ ...about, locale: about.locale, choices }))
    },
  )

  app.post(
    '/unsubscribe/:token',
    {
      config: { hasPrivateUrl: true },
      schema: {
        params: ByToken,
        response: { 200: Page, ...NO_LINK },
        produces: ['text/html'],
        problems: { 404: ['no_such_link'] },
        operationId: 'unsubscribe',
        summary: 'Switch off mails of this category; or save a form of the preference centre',
      },
    },
    async (request, reply) => {
      const about = signed(request.params.token)
      if (!about) return reply.status(404).headers(PAGE_HEADERS).send(noLink(request.headers.accept))
      // The cast is safe: both parsers return a form.
      const form = (request.body ?? {}) as Record<string, string>
      const before = await offeredTo(about)
      const wanted = choicesIn(form, before.choices)
      const change = (known: Preferences) =>
        wanted ? withChoices(known, wanted, digested) : withoutMailOf(known, about.category)
      const after = await commit.submit(
        changePreferences(about.recipient, change, now().toISOString()),
        traceOf(request),
      )
      const what = wanted ? (Object.hasOwn(form, 'undo') ? 'undone' : 'saved') : 'left'
      const choices = choicesOf(after, before, digested)
      const done: Centre['done'] = { what, before: before.choices }
      return reply.headers(PAGE_HEADERS).send(pages.centre({ ...about, locale: about.locale, choices, done }))
    },
  )

  /** The choices of the recipient, with their current state. */
  async function offeredTo({ recipient, category }: Unsubscribing) {
    const decided = (await stored.load(database, [recipient])).get(recipient) ?? noPreferences
    const known = [category, ...pages.categories, ...Object.keys(decided.categories)]
    const categories = [...new Set(known)].filter((name) => !transactional.has(name))
    const reached = await channelsTo(recipient, decided)
    const choices: Choice[] = choicesOf(decided, { categories, channels: reached }, digested)
    return { categories, channels: reached, choices }
  }

  /**
   * E-mail, since the link came by mail, and every channel for which the customer has an address or has made a choice.
   */
  async function channelsTo(recipient: string, { categories }: Preferences): Promise<Channel[]> {
    const id = customerIdIn(recipient)
    const customer = id === undefined ? undefined : (await customers.load(database, [id])).get(id)
    const decided = Object.values(categories).flatMap((one) => Object.keys(one))
    const reached = Object.keys(reachableBy(customer?.addresses ?? {}))
    return channels.filter((one) => one === 'email' || reached.includes(one) || decided.includes(one))
  }

  function signed(token: string): Unsubscribing | undefined {
    const { unsubscribeSecret: secrets } = config
    const about = secrets === undefined ? undefined : readUnsubscribeToken(token, secrets)
    return about && { ...about, recipient: canonicalRecipient(about.recipient) }
  }

  /**
   * The page for an invalid link.
   *
   * @throws RejectedError 404 `no_such_link` if the client did not ask for HTML, as mail programs do not.
   */
  function noLink(accept: string | undefined): string {
    if (accept?.includes('text/html')) return pages.noLink()
    throw new RejectedError(404, 'no_such_link', 'this link is incomplete or forged')
  }
}
