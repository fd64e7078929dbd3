// What operators may ask about templates: which there are, and how each looks.
import { Locale } from '@orders/shared/contracts'
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { type Style, wordsOf } from '../content.ts'
import { templates as declarations } from '../templates/schemas.ts'
import { dataFor } from './request.ts'
import type { Templates } from './templates.ts'

export const Data = Type.Record(Type.String(), Type.Unknown(), { description: 'as the template’s schema has it' })

const ByName = Type.Object({ name: Type.String({ maxLength: 100, pattern: '^[^\\u0000]+$' }) })
const Preview = Type.Object(
  { data: Type.Optional(Data), locale: Type.Optional(Locale) },
  { additionalProperties: false, description: 'without data, the template’s sample is shown' },
)

export interface Rendering {
  style: Style
  templates: Templates
}

export function templateRoutes(
  app: HttpServer,
  { auth }: Wiring<NotificationConfig>,
  { style, templates }: Rendering,
): void {
  const operators = { onRequest: auth.operator }

  app.get('/templates', { ...operators, schema: { summary: 'What can be said, and with which data' } }, async () => ({
    templates: [...declarations].map(([name, { summary, data: schema, sample }]) => ({
      name,
      summary,
      locales: templates.current.locales.get(name),
      schema,
      sample,
    })),
  }))

  app.post(
    '/templates/:name/preview',
    {
      ...operators,
      schema: { params: ByName, body: Preview, summary: 'A template with its sample, or with your data' },
    },
    async ({ params: { name }, body: { data, locale }, headers }, reply) => {
      const words = wordsOf(name, dataFor(name, data), { locale }, style)
      const content = templates.current.render(words)
      if (!headers.accept?.includes('text/html')) return content
      return reply.header('content-security-policy', MAIL_POLICY).type('text/html; charset=utf-8').send(content.html)
    },
  )
}

/** A mail may look as it likes and load nothing. */
const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"
