// What operators may ask of notification-service: send something, see what became of anything sent, and look at templates.
import { randomUUID } from 'node:crypto'
import { Locale, OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import { channelRoutes, NotificationId } from './channels/http.ts'
import { reportsOf } from './channels/store.ts'
import type { NotificationConfig } from './config.ts'
import { type Style, wordsOf } from './content.ts'
import { channelsOf, statusOf, type Wanted } from './domain.ts'
import { submitDirect } from './handlers.ts'
import { dataFor, faulty } from './rendering/request.ts'
import type { Templates } from './rendering/templates.ts'
import { attemptsOf, deliveriesOf, findNotification, listNotifications } from './store.ts'
import { templates as declarations } from './templates/schemas.ts'

const Status = Type.Union([Type.Literal('waiting'), Type.Literal('sent'), Type.Literal('failed')])
const Priority = Type.Union([Type.Literal('urgent'), Type.Literal('normal'), Type.Literal('bulk')])

const Data = Type.Record(Type.String(), Type.Unknown(), { description: 'as the template’s schema has it' })

export const SendNotification = Type.Object(
  {
    to: Type.Object(
      {
        email: Type.Optional(Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;:"()]+@[^\\s@<>,;:"()]+$' })),
        phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
        push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
        webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' })),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    subject: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })),
    body: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000 })),
    template: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'instead of subject and body' })),
    data: Type.Optional(Data),
    locale: Type.Optional(Locale),
    priority: Type.Optional(Priority),
  },
  { additionalProperties: false },
)

const ById = Type.Object({ id: NotificationId })
const Key = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })
const Page = Type.Object(
  {
    orderId: Type.Optional(OrderId),
    status: Type.Optional(Status),
    before: Type.Optional(NotificationId),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)

const ByName = Type.Object({ name: Type.String({ maxLength: 100 }) })
const Preview = Type.Object(
  { data: Type.Optional(Data), locale: Type.Optional(Locale) },
  { additionalProperties: false, description: 'without data, the template’s sample is shown' },
)

interface Rendering {
  style: Style
  templates: Templates
}

export function routes(app: HttpServer, wiring: Wiring<NotificationConfig>, rendering: Rendering): void {
  notificationRoutes(app, wiring, rendering)
  templateRoutes(app, wiring, rendering)
  channelRoutes(app, wiring)
}

function notificationRoutes(
  app: HttpServer,
  { commit, database, auth, now }: Wiring<NotificationConfig>,
  { style, templates }: Rendering,
): void {
  const operators = { onRequest: auth.operator }

  app.post(
    '/notifications',
    { ...operators, schema: { body: SendNotification, headers: Key, summary: 'Tell somebody something' } },
    async ({ body, headers }, reply) => {
      const { to, locale, priority = 'normal' } = body
      const request = { to, wanted: wantedOf(body), locale, priority }
      const key = headers['idempotency-key']
      const submission = { id: randomUUID(), key, request, style, at: now().toISOString() }
      const keys = key === undefined ? [] : [key]
      const notification = await commit.submit((tx) => submitDirect(tx, submission), { keys })
      const { id, createdAt } = notification
      return reply
        .status(202)
        .header('location', `/notifications/${id}`)
        .send({ id, status: 'waiting', channels: channelsOf(notification), createdAt })
    },
  )

  app.get(
    '/notifications/:id',
    { ...operators, schema: { params: ById, summary: 'What was said, and every attempt to say it' } },
    async ({ params }) => {
      const notification = await findNotification(database, params.id)
      if (!notification) throw new RejectedError(404, 'no_such_notification', `no notification ${params.id}`)
      const { subject: _, words, ...facts } = notification
      const { subject, text } = await templates.render(words)
      const { template, locale } = words
      const deliveries = await deliveriesOf(database, notification)
      const attempts = await attemptsOf(database, params.id)
      const status = statusOf(deliveries)
      const reports = await reportsOf(database, params.id)
      return { ...facts, status, template, locale, subject, text, deliveries, attempts, reports }
    },
  )

  app.get(
    '/notifications',
    { ...operators, schema: { querystring: Page, summary: 'The newest notifications' } },
    async ({ query: { orderId, status, before, limit = '50' } }) => {
      const page = await listNotifications(database, { orderId, status, before, limit: Number(limit) })
      const notifications = await Promise.all(
        page.map(async (notification) => {
          const { subject: _, words, addresses: __, priority: ___, ...facts } = notification
          const deliveries = await deliveriesOf(database, notification)
          const channels = Object.fromEntries(deliveries.map((delivery) => [delivery.channel, delivery.status]))
          return { ...facts, status: statusOf(deliveries), subject: await templates.subject(words), channels }
        }),
      )
      return { notifications }
    },
  )
}

function templateRoutes(app: HttpServer, { auth }: Wiring<NotificationConfig>, { style, templates }: Rendering): void {
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
      const words = wordsOf(name, dataFor(name, data), locale, style)
      const content = templates.current.render(words)
      if (!headers.accept?.includes('text/html')) return content
      return reply.header('content-security-policy', MAIL_POLICY).type('text/html; charset=utf-8').send(content.html)
    },
  )
}

/** A mail may look as it likes and load nothing. */
const MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'"

/** Either subject and body, or a template and its data. */
function wantedOf({ subject, body, template, data }: Static<typeof SendNotification>): Wanted {
  if (template !== undefined) {
    const beside = Object.entries({ subject, body }).filter(([, value]) => value !== undefined)
    if (beside.length > 0) throw faulty(beside.map(([field]) => ({ field, message: 'does not go with a template' })))
    return { template, data: dataFor(template, data ?? {}) }
  }
  if (subject !== undefined && body !== undefined && data === undefined) return { subject, body }
  const missing = Object.entries({ subject, body }).filter(([, value]) => value === undefined)
  throw faulty([
    ...missing.map(([field]) => ({ field, message: 'is required, or a template' })),
    ...(data === undefined ? [] : [{ field: 'data', message: 'goes with a template' }]),
  ])
}
