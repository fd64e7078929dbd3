// The link in a mail, which needs no login: what its holder may see and change, in a browser or by one click (RFC 8058).
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
  // Apart, so that no other route understands a form.
  app.register(async (open: HttpServer) => openRoutes(open, wiring, terms))
}

/** Open to whoever has the token, since mail programs have no other. */
function openRoutes(
  app: HttpServer,
  { commit, config, database, now }: Wiring<NotificationConfig>,
  { settings, templates }: Terms,
): void {
  const pages = centrePages(templates.current.files)
  const { digested, transactional } = settings
  // A form, or nothing: a document of another shape, such as JSON, says nothing that anybody has clicked.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser<Buffer>(
    'application/x-www-form-urlencoded',
    { parseAs: 'buffer' },
    ({ headers }, body, done) => done(null, formOf(body, headers['content-type'])),
  )
  // Of mail programs, whose one click says nothing that the token does not.
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
      // The cast is the decoding edge: both parsers give a form.
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

  /** What is the recipient's to choose, and how it stands. */
  async function offeredTo({ recipient, category }: Unsubscribing) {
    const decided = (await stored.load(database, [recipient])).get(recipient) ?? noPreferences
    const known = [category, ...pages.categories, ...Object.keys(decided.categories)]
    const categories = [...new Set(known)].filter((name) => !transactional.has(name))
    const reached = await channelsTo(recipient, decided)
    const choices: Choice[] = choicesOf(decided, { categories, channels: reached }, digested)
    return { categories, channels: reached, choices }
  }

  /** By mail, since that is how the link came; beside it what a customer has an address for, or has decided on. */
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

  /** @throws RejectedError 404 `no_such_link` for a mail program: only a person's asks for a page. */
  function noLink(accept: string | undefined): string {
    if (accept?.includes('text/html')) return pages.noLink()
    throw new RejectedError(404, 'no_such_link', 'this link is incomplete or forged')
  }
}
