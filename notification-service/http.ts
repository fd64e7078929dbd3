// HTTP routes for operators: view and search notifications. Also registers all other routes of the service.
import { Channel, OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { canonicalText } from './canonical-addresses.ts'
import { channelRoutes } from './channels/http.ts'
import { NotificationId } from './channels/ids.ts'
import type { Proof } from './channels/proof.ts'
import { reportsOf } from './channels/store.ts'
import type { NotificationConfig } from './config.ts'
import { customerRoutes } from './customers/http.ts'
import { statusOf } from './deliveries/status.ts'
import { attemptsOf, deliveriesOf } from './deliveries/store.ts'
import { intakeRoutes } from './intake/http.ts'
import { listTellings } from './listing/store.ts'
import { centreRoutes } from './preference-centre/http.ts'
import { templateRoutes } from './rendering/http.ts'
import { ruleRoutes } from './rules/http.ts'
import type { Terms } from './rules/settings.ts'
import { findTelling } from './store.ts'
import { Notifications, NotificationView, Status } from './views.ts'

const ById = Type.Object({ id: NotificationId })
const Page = Type.Object(
  {
    orderId: Type.Optional(OrderId),
    status: Type.Optional(Status),
    channel: Type.Optional(Channel),
    to: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 2048,
        pattern: '^[^\\u0000]+$',
        description: 'An address of any channel',
      }),
    ),
    after: Type.Optional(NotificationId),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)

/** Shown for a notification whose customer is forgotten. */
const NOTHING = { subject: 'forgotten', text: '' }

export function routes(app: HttpServer, wiring: Wiring<NotificationConfig>, terms: Terms, proof: Proof): void {
  intakeRoutes(app, wiring, terms)
  notificationRoutes(app, wiring, terms)
  customerRoutes(app, wiring)
  templateRoutes(app, wiring, terms)
  ruleRoutes(app, wiring, terms)
  centreRoutes(app, wiring, terms)
  channelRoutes(app, wiring, proof)
}

function notificationRoutes(
  app: HttpServer,
  { database, auth }: Wiring<NotificationConfig>,
  { templates, phoneCountry }: Terms,
): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/notifications/:id',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 200: NotificationView },
        problems: { 404: ['no_such_notification'] },
        operationId: 'getNotification',
        summary: 'A notification with every attempt',
      },
    },
    async ({ params }) => {
      const telling = await findTelling(database, params.id)
      if (!telling) throw new RejectedError(404, 'no_such_notification', `no notification ${params.id}`)
      const { subject: _, words, ...facts } = telling.notification
      const { subject, text } = telling.notification.isForgotten ? NOTHING : await templates.render(words)
      const { template, locale } = words
      const deliveries = deliveriesOf(telling)
      const attempts = await attemptsOf(database, telling)
      const status = statusOf(deliveries)
      const reports = await reportsOf(database, params.id)
      return { ...facts, status, template, locale, subject, text, deliveries, attempts, reports }
    },
  )

  app.get(
    '/notifications',
    {
      ...operators,
      schema: {
        querystring: Page,
        response: { 200: Notifications },
        operationId: 'listNotifications',
        summary: 'The newest notifications, page by page',
      },
    },
    async ({ query: { orderId, status, channel, to, after, limit: most = '50' } }) => {
      const limit = Number(most)
      const address = to === undefined ? undefined : canonicalText(to, phoneCountry)
      const page = await listTellings(database, { orderId, status, channel, to: address, after, limit })
      const notifications = await Promise.all(
        page.map(async (telling) => {
          const { subject: _, words, addresses: __, priority: ___, ...facts } = telling.notification
          const deliveries = deliveriesOf(telling)
          const channels = Object.fromEntries(deliveries.map((delivery) => [delivery.channel, delivery.status]))
          const subject = telling.notification.isForgotten ? NOTHING.subject : await templates.subject(words)
          return { ...facts, status: statusOf(deliveries), subject, channels }
        }),
      )
      const next = page.length < limit ? null : (page.at(-1)?.notification.id ?? null)
      return { notifications, next }
    },
  )
}
