// What notification-service reads from the environment.
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
      description: 'Who reads replies to the mails. Unset, the mails say that nobody does.',
    }),
  ),
  mailImprint: Type.Optional(
    Type.String({
      maxLength: 2_000,
      pattern: '^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f]+$',
      description:
        'Who you are, at the foot of every mail: name, address, register, tax number. \\n begins a new line, for example Shop Ltd\\n1 High Street, London.',
    }),
  ),
  mailIdDomain: Type.String({
    default: 'orders.example',
    pattern: '^[A-Za-z0-9.-]+$',
    description: 'Right side of the Message-ID. Keep it: a mail that is sent again is known by its Message-ID.',
  }),
  defaultEmailDomain: Type.String({
    default: 'example.com',
    pattern: '^[A-Za-z0-9.-]+$',
    description:
      'An order without a contact, of a customer who is not known, is told about at <user>@ this domain. `none`: with a mail provider it is not told, and its news fail as no_address.',
  }),
  phoneCountry: Type.Optional(
    Type.String({
      pattern: '^[A-Z]{2}$',
      description:
        'ISO 3166 code of the country of phone numbers that name none, for example AT. Unset, such numbers stay as they are.',
    }),
  ),
  contactAddressesPerHour: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 10,
    description:
      'So many different addresses that are not known as its own may one customer’s orders name in an hour; news to others wait. 0: no limit.',
  }),
  contactOrdersPerHour: Type.Integer({
    minimum: 0,
    maximum: 10_000,
    default: 50,
    description: 'By so many orders may one such address be named in an hour; news of others wait. 0: no limit.',
  }),
  orderUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description: 'Your page about an order, for example https://shop.example/orders/{orderId}; the mails link to it.',
    }),
  ),
  paymentUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description:
        'Your page where a customer confirms a payment, for example https://shop.example/orders/{orderId}/pay. Unset, mails link to ORDER_URL.',
    }),
  ),
  releasePollMs: Type.Integer({
    minimum: 10,
    maximum: 60_000,
    default: 1_000,
    description: 'How often what is to be said later is looked through for what is due.',
  }),
  transactionalCategories: Type.String({
    default: 'order,payment',
    pattern: CATEGORIES,
    description: 'Categories that customers cannot switch off entirely; mails of all others carry List-Unsubscribe.',
  }),
  quietHours: Type.Optional(
    Type.String({
      pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$',
      description:
        'When nobody is told anything that is not urgent, for example 22:00-08:00; a customer may have others. Unset, none.',
    }),
  ),
  timeZone: Type.String({
    default: 'UTC',
    maxLength: 64,
    description:
      'IANA time zone of the customers of whom none is known, for example Europe/Berlin: of quiet hours, and of the times in mails.',
  }),
  throttleMax: Type.Integer({
    minimum: 1,
    maximum: 1_000,
    default: 100,
    description:
      'An address is told at most so much in THROTTLE_SECONDS; what is over waits. Urgent messages never do.',
  }),
  throttleSeconds: Type.Integer({ minimum: 1, maximum: 604_800, default: 3_600 }),
  throttleTransactional: Type.Boolean({
    default: false,
    description: 'Counts what is transactional too, and lets it wait.',
  }),
  digestCategories: Type.Optional(
    Type.String({
      pattern: CATEGORIES,
      description: 'Categories of which several messages become one, unless a customer says otherwise. Unset, none.',
    }),
  ),
  digestSeconds: Type.Integer({
    minimum: 1,
    maximum: 604_800,
    default: 3_600,
    description: 'How long the first message of a digest waits for others.',
  }),
  unsubscribeUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#<>]{1,200}[^/\\s?#<>]$',
      description:
        'How customers reach this service from outside: mails that are not transactional carry List-Unsubscribe then. Needs UNSUBSCRIBE_SECRET.',
    }),
  ),
  unsubscribeSecret: Type.Optional(
    Type.String({
      pattern: '^[^\\s,]{24,}(,[^\\s,]{24,})*$',
      description:
        'Signs the links for unsubscribing, which serve for ever: put a new one before the old one, separated by a comma, and keep the old one.',
    }),
  ),
  remindersAfterMs: Type.String({
    default: '600000',
    pattern: '^[0-9]{1,11}(,[0-9]{1,11})*$',
    description:
      'When a customer whose word is awaited is reminded, after the first mail; several, separated by commas, for several reminders, 0 for none.',
  }),
  followUpsAfterMs: Type.Optional(
    Type.String({
      pattern: '^[0-9]{1,11}(,[0-9]{1,11})*$',
      description:
        'When a customer is asked whether everything is well, after the delivery; several, separated by commas. Unset, never.',
    }),
  ),
  summaryTo: Type.Optional(
    Type.String({
      maxLength: 254,
      pattern: '^[^\\s@<>,;:"()\\u0000-\\u001f]+@[^\\u0000-,/:-@[-`{-\\u007f]+$',
      description: 'Mail address that gets the summary of what was said. Unset, there is none.',
    }),
  ),
  summaryCron: Type.String({
    default: '0 7 * * *',
    maxLength: 100,
    description: 'When the summary is made, as a cron pattern.',
  }),
  summaryTimeZone: Type.String({ default: 'UTC', maxLength: 64, description: 'IANA time zone of SUMMARY_CRON.' }),
  summaryCatchUp: Type.Union([Type.Literal('latest'), Type.Literal('all'), Type.Literal('none')], {
    default: 'latest',
    description: 'Which summaries are made afterwards that were due while no copy ran.',
  }),
  currency: Type.String({
    default: 'EUR',
    pattern: '^[A-Z]{3}$',
    description: 'ISO 4217 code of amounts whose event names none.',
  }),
})
export type NotificationConfig = Static<typeof NotificationConfig>
