// What notification-service says, to its own channel workers and to everybody.
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
 * What customers are told under another name than that of the event which it follows from: that an order has arrived is told
 * once its goods are set aside and priced.
 */
export const toldAs = { 'inventory.reserved': 'order.created' } as const

export const NotificationRequested = event('notification.requested', {
  summary: 'Somebody is to be told something by the named channels; the content is in notification-service’s database.',
  data: Type.Object({
    notificationId: Type.String({ minLength: 1, maxLength: 200 }),
    channels: Type.Array(Channel, { minItems: 1, uniqueItems: true }),
    again: Type.Optional(
      Type.Object(
        {
          generation: Type.Integer({ minimum: 2 }),
          reason: Type.String({ maxLength: 200, description: 'in the operator’s words' }),
        },
        { description: 'an operator has it sent again' },
      ),
    ),
  }),
  // `notification.requested.email.sms`: queues bind `notification.requested.#.email.#`, so one publish reaches just the wanted ones.
  route: ({ channels: wanted }) => ({
    exchange: 'notification.exchange',
    routingKey: `notification.requested.${wanted.join('.')}`,
  }),
})

export const NotificationSent = event('notification.sent', {
  summary: 'The provider accepted the message, or a stand-in did, which tells nobody.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    provider: Type.String(),
    providerId: Type.String(),
    isStandIn: Type.Optional(
      Type.Boolean({ description: 'true when no provider is configured: a log line or a file, and nobody was told' }),
    ),
  }),
})

export const NotificationFailed = event('notification.failed', {
  summary:
    'The message could not be handed to the provider; its request lies in the channel’s dead letters, unless its address is suppressed.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, reason: Type.String() }),
})

export const NotificationExpired = event('notification.expired', {
  summary: 'Its time was over before it could be handed to the provider; nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationCancelled = event('notification.cancelled', {
  summary: 'It was called off before it was handed to the provider; nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationOptedOut = event('notification.opted_out', {
  summary: 'The customer does not want messages of this category by this channel; nothing is sent.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel }),
})

export const NotificationSuperseded = event('notification.superseded', {
  summary: 'Later news has made it untrue, or was said before it; nothing is sent.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    supersededBy: Type.String({ description: 'the notification of the later news' }),
  }),
})

export const NotificationHeld = event('notification.held', {
  summary: 'News of an order wait: for the end of quiet hours, for a digest, or for room in the throttle.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    reason: Type.String({ description: 'digest, quiet_hours or throttled' }),
    until: Instant,
  }),
})

export const NotificationDigested = event('notification.digested', {
  summary: 'It is said by a digest, together with others; nothing else is sent of it by this channel.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, digestId: Type.String() }),
})

export const NotificationDelivered = event('notification.delivered', {
  summary: 'The provider says that the message reached the customer’s device.',
  data: Type.Object({ notificationId: Type.String(), channel: Channel, providerId: Type.String() }),
})

export const NotificationUndelivered = event('notification.undelivered', {
  summary: 'The provider took the message and says that it did not reach the customer.',
  data: Type.Object({
    notificationId: Type.String(),
    channel: Channel,
    providerId: Type.String(),
    reason: Type.String(),
  }),
})
