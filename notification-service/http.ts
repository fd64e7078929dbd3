// What operators may ask of notification-service: send something, and see what became of anything sent.
import { randomUUID } from 'node:crypto'
import { OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { textOf } from './channels/email-layout.ts'
import type { NotificationConfig } from './config.ts'
import { channelsOf, statusOf } from './domain.ts'
import { submitDirect } from './handlers.ts'
import { attemptsOf, deliveriesOf, findNotification, listNotifications } from './store.ts'

const NotificationId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$' })
const Status = Type.Union([Type.Literal('waiting'), Type.Literal('sent'), Type.Literal('failed')])
const Priority = Type.Union([Type.Literal('urgent'), Type.Literal('normal'), Type.Literal('bulk')])

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
    subject: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
    body: Type.String({ minLength: 1, maxLength: 20_000 }),
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

export function routes(app: HttpServer, { commit, database, auth, now }: Wiring<NotificationConfig>): void {
  const operators = { onRequest: auth.operator }

  app.post(
    '/notifications',
    { ...operators, schema: { body: SendNotification, headers: Key, summary: 'Tell somebody something' } },
    async ({ body, headers }, reply) => {
      const request = { priority: 'normal' as const, ...body }
      const key = headers['idempotency-key']
      const submission = { id: randomUUID(), key, request, at: now().toISOString() }
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
      const { subject: _, content, ...facts } = notification
      const deliveries = await deliveriesOf(database, notification)
      const attempts = await attemptsOf(database, params.id)
      const status = statusOf(deliveries)
      return { ...facts, status, subject: content.subject, text: textOf(content), deliveries, attempts }
    },
  )

  app.get(
    '/notifications',
    { ...operators, schema: { querystring: Page, summary: 'The newest notifications' } },
    async ({ query: { orderId, status, before, limit = '50' } }) => {
      const page = await listNotifications(database, { orderId, status, before, limit: Number(limit) })
      const notifications = await Promise.all(
        page.map(async (notification) => {
          const { subject: _, content, addresses: __, priority: ___, ...facts } = notification
          const deliveries = await deliveriesOf(database, notification)
          const channels = Object.fromEntries(deliveries.map((delivery) => [delivery.channel, delivery.status]))
          return { ...facts, status: statusOf(deliveries), subject: content.subject, channels }
        }),
      )
      return { notifications }
    },
  )
}
