// The messages of notification-service, to its own channel workers and to other services.
import { type Static, Type } from 'typebox'
import { event } from './define.ts'
import { Instant } from './shapes.ts'

export const channels = ['email', 'sms', 'push', 'webhook'] as const
export const Channel = Type.Union([
  Type.Literal('email'),
  Type.Literal('sms'),
  Type.Literal('push'),
  Type.Literal('webhook'),
])
export type Channel = Static<typeof Channel>

/**
 * News that customers receive under another name than that of its event. "Order created" is sent once the goods are reserved
 * and priced.
 */
export const toldAs = { 'inventory.reserved': 'order.created' } as const

export const NotificationRequested = event('notification.requested', {
  summary:
    'A notification is to be sent by these channels. Its content is in notification-service’s database. The field again means that an operator has it sent once more.',
  data: Type.Object({
    notificationId: Type.String({ minLength: 1, maxLength: 200 }),
    channels: Type.Array(Channel, { minItems: 1, uniqueItems: true }),
    again: Type.Optional(
      Type.Object(
        {
          generation: Type.Integer({ minimum: 2 }),
          reason: Type.String({ maxLength: 200, description: 'Why, as the operator wrote it' }),
        },
        { description: 'An operator sends it again' },
      ),
    ),
  }),
  // `notification.requested.email.sms`: queues bind `notification.requested.#.email.#`, so one publication reaches exactly the
  // wanted channels.
  route: ({ channels: wanted }) => ({
    exchange: 'notification.exchange',
    routingKey: `notification.requested.${wanted.join('.')}`,
  }),
})

export const NotificationSent = event('notification.sent', {
  summary: 'The provider accepted the message, or a stand-in took it and nobody received it.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    provider: Type.String(),
    providerId: Type.String(),
    isStandIn: Type.Optional(
      Type.Boolean({
        description:
          'true: no provider is configured. A log line or a file was written, and nobody received the message',
      }),
    ),
  }),
})

export const NotificationFailed = event('notification.failed', {
  summary:
    'The message could not be sent. Its request is a dead letter of the channel, unless the address is suppressed or there is none.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, reason: Type.String() }),
})

export const NotificationExpired = event('notification.expired', {
  summary: 'The notification expired before the provider accepted it. Nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationCancelled = event('notification.cancelled', {
  summary: 'The notification was cancelled before the provider accepted it. Nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationOptedOut = event('notification.opted_out', {
  summary: 'The customer has switched off this category for this channel. Nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationSuperseded = event('notification.superseded', {
  summary: 'Later news has made the notification untrue, or was sent before it. Nothing is sent.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    supersededBy: Type.String({ description: 'The id of the later notification' }),
  }),
})

export const NotificationHeld = event('notification.held', {
  summary: 'A rule holds a notification about an order: quiet hours, a digest or the throttle.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    reason: Type.String({ description: 'digest, quiet_hours or throttled' }),
    until: Instant,
  }),
})

export const NotificationDigested = event('notification.digested', {
  summary: 'A digest contains the notification. This channel sends nothing else of it.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, digestId: Type.String() }),
})

export const NotificationDelivered = event('notification.delivered', {
  summary: 'The provider reports that the message was delivered.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, providerId: Type.String() }),
})

export const NotificationUndelivered = event('notification.undelivered', {
  summary: 'The provider accepted the message, and reports that it was not delivered.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    providerId: Type.String(),
    reason: Type.String(),
  }),
})
