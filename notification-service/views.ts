// The schemas of notification-service's HTTP answers.
import { Channel } from '@orders/shared/contracts'
import { Type } from 'typebox'
import { Addresses } from './addresses.ts'
import { NotificationId } from './channels/ids.ts'
import { type DeliveryStatus, deliveryStatuses } from './deliveries/status.ts'

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Nullable(Type.String())
/** A value for some of the channels, such as an address or a status. */
const byChannel = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Partial(Type.Record(Channel, schema))

export const Status = Type.Unsafe<DeliveryStatus>(Type.Union(deliveryStatuses.map((status) => Type.Literal(status))))
const Statuses = byChannel(Status)

export const Accepted = Type.Object({
  id: NotificationId,
  status: Type.Literal('accepted'),
  channels: Type.Array(Channel),
  createdAt: Type.String(),
})
export const Changed = Type.Object({ id: NotificationId, status: Status, channels: Statuses })

const about = {
  id: NotificationId,
  orderId: Text,
  eventType: Type.String({ description: 'The event that it is about, or `direct`' }),
  category: Type.String(),
  createdAt: Type.String(),
  customerId: Text,
  sendAt: Text,
  expiresAt: Text,
  status: Status,
  subject: Type.String(),
}
export const NotificationView = Type.Object({
  ...about,
  priority: Type.Integer({ description: 'AMQP priority' }),
  addresses: byChannel(Type.String()),
  template: Type.String(),
  locale: Text,
  text: Type.String(),
  deliveries: Type.Array(
    Type.Object({
      channel: Channel,
      status: Status,
      attempts: Type.Integer(),
      provider: Text,
      providerId: Text,
      error: Text,
      updatedAt: Type.String(),
      dueAt: Text,
      heldBecause: Text,
      digestId: Text,
      supersededBy: Nullable(Type.String({ description: 'The later notification that made it needless' })),
      generation: Type.Integer({ description: 'Counts from 1; each resend adds one' }),
    }),
  ),
  attempts: Type.Array(
    Type.Object({
      channel: Channel,
      attempt: Type.Integer(),
      at: Type.String(),
      provider: Type.String(),
      providerId: Text,
      outcome: Type.Union([Type.Literal('sent'), Type.Literal('simulated'), Type.Literal('failed')]),
      error: Text,
      durationMs: Type.Number(),
    }),
  ),
  reports: Type.Array(
    Type.Object({
      channel: Channel,
      status: Type.String({ description: 'In the provider’s words' }),
      providerId: Type.String(),
      error: Text,
      at: Type.String(),
      generation: Type.Integer(),
    }),
  ),
})
export const Notifications = Type.Object({
  notifications: Type.Array(Type.Object({ ...about, channels: Statuses })),
  next: Text,
})

export const CustomerView = Type.Object({
  id: Type.String(),
  addresses: Type.Object(Addresses),
  locale: Text,
  timeZone: Text,
  updatedAt: Type.String(),
})
export const PreferencesView = Type.Object({
  quietHours: Type.Optional(Text),
  timeZone: Type.Optional(Type.String()),
  categories: Type.Record(
    Type.String(),
    Type.Object({ ...byChannel(Type.Boolean()).properties, digest: Type.Optional(Type.Boolean()) }),
  ),
  updatedAt: Type.Optional(Type.String()),
})

const Suppression = Type.Object({
  channel: Channel,
  address: Type.String({ description: 'The address, or its keyed hash if its owner is forgotten' }),
  reason: Type.String(),
  notificationId: Text,
  at: Type.String(),
})
export const Suppressions = Type.Object({ suppressions: Type.Array(Suppression), next: Text })
export const Stop = Type.Object({
  provider: Type.String(),
  answered: Type.Integer({ description: 'Answered calls in the hour before the stop' }),
  gone: Type.Integer({ description: 'Of these, reports that the address is gone' }),
  stoppedAt: Type.String(),
  releasedAt: Text,
})

export const Rendered = Type.Object({
  subject: Type.String(),
  short: Type.String({ description: 'One line for SMS and push' }),
  text: Type.String(),
  html: Type.String(),
})
export const TemplateList = Type.Object({
  templates: Type.Array(
    Type.Object({
      name: Type.String(),
      summary: Type.String(),
      locales: Type.Array(Type.String()),
      schema: Type.Unknown({ description: 'JSON Schema of the data' }),
      sample: Type.Unknown({ description: 'Data that matches the schema' }),
    }),
  ),
})
/** An answer without a body. */
export const Nothing = Type.Unsafe<unknown>(Type.Null({ description: 'Done' }))
export const Page = Type.String({ description: 'A page for a browser' })
