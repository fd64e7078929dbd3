// The settings that notification-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import { providerSettings } from './channels/provider-settings.ts'

const CATEGORIES = '^[a-z][a-z0-9_.-]{0,63}(,[a-z][a-z0-9_.-]{0,63})*$'

export const NotificationConfig = configWith({
  ...providerSettings,
  mailFrom: Type.String({
    default: 'Orders <orders@example.com>',
    pattern: '^[^\\u0000-\\u001f<>]*<?[^\\s@<>,;]+@[^\\s@<>,;]+>?$',
    description: 'Sender of the mails.',
  }),
  mailReplyTo: Type.Optional(
    Type.String({
      pattern: '^[^\\u0000-\\u001f<>]*<?[^\\s@<>,;]+@[^\\s@<>,;]+>?$',
      description: 'Address for replies to the mails. Unset: the mails say that nobody reads replies.',
    }),
  ),
  mailImprint: Type.Optional(
    Type.String({
      maxLength: 2_000,
      pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]+$',
      description:
        'Footer of every mail, which says who you are: name, address, register, tax number. \\n begins a new line, for example Shop Ltd\\n1 High Street, London.',
    }),
  ),
  mailIdDomain: Type.String({
    default: 'orders.example',
    pattern: '^[A-Za-z0-9.-]+$',
    description:
      'Domain in the Message-ID of the mails. Do not change it: mail programs recognise a mail that is sent again by its Message-ID.',
  }),
  defaultEmailDomain: Type.String({
    default: 'example.com',
    pattern: '^[A-Za-z0-9.-]+$',
    description:
      'Domain for customers who are unknown and whose order has no contact: the service writes to <user>@ this domain. none: with a mail provider, such notifications fail as no_address instead.',
  }),
  phoneCountry: Type.Optional(
    Type.String({
      pattern: '^[A-Z]{2}$',
      description:
        'ISO 3166 code of the country of phone numbers without a country code, for example AT. Unset: such numbers only lose their separators.',
    }),
  ),
  contactAddressesPerHour: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 10,
    description:
      'How many different unknown addresses the orders of one customer reach in an hour. Notifications to further ones wait. 0: no limit.',
  }),
  contactOrdersPerHour: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 50,
    description:
      'About how many orders one unknown address gets notifications in an hour. Those about further orders wait. 0: no limit.',
  }),
  orderUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description: 'Your page about an order, for example https://shop.example/orders/{orderId}. Mails link to it.',
    }),
  ),
  paymentUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description:
        'Your page where a customer confirms a payment, for example https://shop.example/orders/{orderId}/pay. Unset: mails link to ORDER_URL.',
    }),
  ),
  releasePollMs: Type.Integer({
    minimum: 10,
    maximum: 60_000,
    default: 1_000,
    description: 'How often the service looks for held notifications that are due, in milliseconds.',
  }),
  transactionalCategories: Type.String({
    default: 'order,payment',
    pattern: CATEGORIES,
    description:
      'Categories of which a customer can switch off single channels, but not all, separated by commas. Mails of all other categories have a link to unsubscribe.',
  }),
  quietHours: Type.Optional(
    Type.String({
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$',
      description:
        'Hours in which only urgent notifications are sent, for example 22:00-08:00. A customer’s own quiet hours replace them. Unset: none.',
    }),
  ),
  timeZone: Type.String({
    default: 'UTC',
    maxLength: 64,
    description:
      'IANA time zone for customers whose own is unknown, for example Europe/Berlin. Applies to quiet hours and to the times in mails.',
  }),
  throttleMax: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 100,
    description: 'How many messages an address gets in THROTTLE_SECONDS. Further ones wait, except urgent ones.',
  }),
  throttleSeconds: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 3_600,
    description: 'Length of the throttle’s window, in seconds.',
  }),
  throttleTransactional: Type.Boolean({
    default: false,
    description: 'true: the throttle also counts and holds transactional messages.',
  }),
  digestCategories: Type.Optional(
    Type.String({
      pattern: CATEGORIES,
      description:
        'Categories whose messages are gathered into digests, unless a customer’s preferences say otherwise, separated by commas. Unset: none.',
    }),
  ),
  digestSeconds: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 3_600,
    description: 'How many seconds the first message of a digest waits for others.',
  }),
  unsubscribeUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#<>]{1,200}[^/\\s?#<>]$',
      description:
        'URL at which customers reach this service. Mails that are not transactional then have a link to unsubscribe. Needs UNSUBSCRIBE_SECRET.',
    }),
  ),
  unsubscribeSecret: Type.Optional(
    Type.String({
      pattern: '^[^\\s,]{24,}(,[^\\s,]{24,})*$',
      description:
        'Secret of 24 characters or more that signs the links to unsubscribe. The links do not expire: to replace it, put the new secret before the old one, separated by a comma, and keep the old one.',
    }),
  ),
  remindersAfterMs: Type.String({
    default: '600000',
    pattern: '^[0-9]{1,11}(,[0-9]{1,11})*$',
    description:
      'How many milliseconds after the first mail a customer who has not yet confirmed a payment is reminded. Several, separated by commas, for several reminders; 0 for none.',
  }),
  followUpsAfterMs: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,11}(,[0-9]{1,11})*$',
      description:
        'How many milliseconds after the delivery the customer is asked whether all is well. Several, separated by commas, for several mails. Unset: never.',
    }),
  ),
  summaryTo: Type.Optional(
    Type.String({
      maxLength: 254,
      pattern: '^[^\\s@<>,;:"()\\u0000-\\u001f]+@[^\\u0000-,/:-@[-`{-\\u007f]+$',
      description: 'Mail address that gets a summary of the last day’s notifications. Unset: no summary is sent.',
    }),
  ),
  summaryCron: Type.String({
    default: '0 7 * * *',
    maxLength: 100,
    description: 'When the summary is sent, as a cron pattern.',
  }),
  summaryTimeZone: Type.String({ default: 'UTC', maxLength: 64, description: 'IANA time zone of SUMMARY_CRON.' }),
  summaryCatchUp: Type.Union([Type.Literal('latest'), Type.Literal('all'), Type.Literal('none')], {
    default: 'latest',
    description: 'latest, all or none: which of the summaries that were due while no copy ran are sent afterwards.',
  }),
  currency: Type.String({
    default: 'EUR',
    pattern: '^[A-Z]{3}$',
    description: 'ISO 4217 code of amounts whose event names no currency.',
  }),
})
export type NotificationConfig = Static<typeof NotificationConfig>
