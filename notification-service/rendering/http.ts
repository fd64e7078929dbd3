// HTTP routes for operators about templates: list them and preview them.
import { Locale } from '@orders/shared/contracts'
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { type Style, wordsOf } from '../content.ts'
import { listTellings } from '../listing/store.ts'
import { templates as declarations } from '../templates/schemas.ts'
import { Page, Rendered, TemplateList } from '../views.ts'
import { DEFAULT_LOCALE } from './locale.ts'
import { previewPage } from './preview-page.ts'
import { dataFor } from './request.ts'
import type { Templates } from './templates.ts'

export const Data = Type.Record(Type.String(), Type.Unknown(), { description: 'As the template’s schema requires' })

const ByName = Type.Object({ name: Type.String({ maxLength: 100, pattern: '^[^\\u0000]+$' }) })
const Preview = Type.Object(
  { data: Type.Optional(Data), locale: Type.Optional(Locale) },
  { additionalProperties: false, description: 'Without `data`, the template’s sample' },
)

const Shown = Type.Object(
  {
    template: Type.Optional(ByName.properties.name),
    locale: Type.Optional(Locale),
    data: Type.Optional(Type.Union([Type.Literal('sample'), Type.Literal('last')])),
  },
  { additionalProperties: false },
)
const [FIRST = ''] = declarations.keys()
const LOOKED_THROUGH = 500
const ALL = { orderId: undefined, to: undefined, channel: undefined, status: undefined, after: undefined }

export interface Rendering {
  style: Style
  templates: Templates
}

export function templateRoutes(
  app: HttpServer,
  { auth, database }: Wiring<NotificationConfig>,
  { style, templates }: Rendering,
): void {
  const operators = { onRequest: auth.operator }

  const listing = {
    response: { 200: TemplateList },
    operationId: 'listTemplates',
    summary: 'The templates, and the data of each',
  }
  app.get('/templates', { ...operators, schema: listing }, async () => ({
    templates: [...declarations].map(([name, { summary, data: schema, sample }]) => ({
      name,
      summary,
      locales: templates.current.locales.get(name) ?? [],
      schema,
      sample,
    })),
  }))

  app.get(
    '/templates/preview',
    {
      ...operators,
      schema: {
        querystring: Shown,
        response: { 200: Page },
        produces: ['text/html'],
        problems: { 404: ['no_such_template'] },
        operationId: 'showTemplates',
        summary: 'A page that shows every template, with its sample or as last sent',
      },
    },
    async ({ query: { template: name = FIRST, locale = DEFAULT_LOCALE, data = 'sample' } }, reply) => {
      const sample = dataFor(name, undefined)
      const last = data === 'last' ? await lastOf(name) : undefined
      const words = data === 'last' ? last && { ...last.words, locale } : wordsOf(name, sample, { locale }, style)
      const page = previewPage({
        templates: new Map([...declarations.keys()].map((one) => [one, templates.current.locales.get(one) ?? []])),
        template: name,
        summary: declarations.get(name)?.summary ?? '',
        locale,
        data,
        content: words && (await templates.render(words)),
        ...(last && { notificationId: last.id }),
      })
      return reply.header('content-security-policy', PAGE_POLICY).type('text/html; charset=utf-8').send(page)
    },
  )

  /** Searches the newest notifications only, so that the search takes no longer the more there are. */
  async function lastOf(template: string) {
    const newest = await listTellings(database, { ...ALL, limit: LOOKED_THROUGH })
    return newest.map(({ notification }) => notification).find(({ words }) => words.template === template)
  }

  app.post(
    '/templates/:name/preview',
    {
      ...operators,
      schema: {
        params: ByName,
        body: Preview,
        response: {
          200: {
            description: 'The message; or the mail as a page, if the request accepts HTML',
            content: { 'application/json': { schema: Rendered }, 'text/html': { schema: Page } },
          },
        },
        problems: { 404: ['no_such_template'] },
        operationId: 'previewTemplate',
        summary: 'Render a template with its sample or with your data',
      },
    },
    async ({ params: { name }, body: { data, locale }, headers }, reply) => {
      const words = wordsOf(name, dataFor(name, data), { locale }, style)
      const content = templates.current.render(words)
      if (!headers.accept?.includes('text/html')) return content
      return reply.header('content-security-policy', MAIL_POLICY).type('text/html; charset=utf-8').send(content.html)
    },
  )
}

/** A previewed mail may use any style but loads nothing. */
const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"
/** The mail in the frame has the page's policy and may show the shop's logo. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src https:; form-action 'self'; frame-ancestors 'none'"
