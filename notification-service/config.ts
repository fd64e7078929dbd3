// What notification-service reads from the environment.
import { configWith } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'

const CATEGORIES = '^[a-z][a-z0-9_.-]{0,63}(,[a-z][a-z0-9_.-]{0,63})*$'

export const NotificationConfig = configWith({
  smtpUrl: Type.Optional(
    Type.String({
      pattern: '^smtps?://',
      description:
        'Mail server, for example smtp://user:password@mail.example.com:587. Unset, mails become files in DATA_DIR/mail.',
    }),
  ),
  smtpSecondUrl: Type.Optional(
    Type.String({ pattern: '^smtps?://', description: 'Mail server that takes over while SMTP_URL does not serve.' }),
  ),
  postmarkServerToken: Type.Optional(
    Type.String({ minLength: 1, description: 'Mails by Postmark: the API token of its server.' }),
  ),
  postmarkMessageStream: Type.String({ default: 'outbound', pattern: '^[a-z0-9-]+$' }),
  postmarkBaseUrl: Type.String({
    default: 'https://api.postmarkapp.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Postmark, or what speaks like it.',
  }),
  sesRegion: Type.Optional(
    Type.String({
      pattern: '^[a-z]{2}(-[a-z]+)+-[0-9]$',
      description: 'Mails by Amazon SES (API v2) in this region. Needs SES_ACCESS_KEY_ID and SES_SECRET_ACCESS_KEY.',
    }),
  ),
  sesAccessKeyId: Type.Optional(Type.String({ minLength: 1 })),
  sesSecretAccessKey: Type.Optional(Type.String({ minLength: 1 })),
  sesSessionToken: Type.Optional(Type.String({ minLength: 1, description: 'Of temporary credentials.' })),
  sesConfigurationSet: Type.Optional(
    Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: 'By which SES tells of bounces and complaints.' }),
  ),
  sesBaseUrl: Type.Optional(
    Type.String({ pattern: '^https?://[^\\s?#]+[^/\\s?#]$', description: 'What speaks like SES, instead of it.' }),
  ),
  emailProviders: Type.Optional(
    Type.String({
      pattern: '^(smtp|smtp-second|postmark|ses)(,(smtp|smtp-second|postmark|ses))*$',
      description:
        'Which of the configured ones mails go by, the preferred one first: smtp, smtp-second, postmark, ses. Unset, all of them in this order.',
    }),
  ),
  unknownOutcomeSeconds: Type.Integer({
    minimum: 60,
    maximum: 86_400,
    default: 900,
    description:
      'How long a message that a provider may have taken already is kept from the second one. Less sends sooner, and more often twice.',
  }),
  mailPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: 604_800_000,
    default: 6 * 3_600_000,
    description: 'How long a mail is tried while its server defers it or does not answer, in milliseconds.',
  }),
  channelPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: 604_800_000,
    default: 3_600_000,
    description: 'The same for an SMS, a push and a webhook.',
  }),
  mailsPerSecond: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'So many mails go out in a second, by all copies of the service together. Unset, as many as can.',
    }),
  ),
  smsPerSecond: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'The same for SMS.' })),
  retryAfterMaxMs: Type.Integer({
    minimum: 30_000,
    maximum: 3_600_000,
    default: 900_000,
    description: 'A provider that asks to be left alone (Retry-After) is left alone no longer, in milliseconds.',
  }),
  suppressionSharePercent: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description:
      'When a provider says of a greater share of an hour’s calls that the address is gone, nothing more is suppressed by its word until an operator releases it.',
  }),
  urgentDirectAfterMs: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description: 'How long RabbitMQ must be away before urgent notifications go out without it, in milliseconds.',
  }),
  mailFrom: Type.String({
    default: 'Orders <orders@example.com>',
    pattern: '^[^\\u0000-\\u001f<>]*<?[^\\s@<>,;]+@[^\\s@<>,;]+>?$',
    description: 'Sender of the mails.',
  }),
  mailIdDomain: Type.String({
    default: 'orders.example',
    pattern: '^[A-Za-z0-9.-]+$',
    description: 'Right side of the Message-ID. Keep it: a mail that is sent again is known by its Message-ID.',
  }),
  defaultEmailDomain: Type.String({
    default: 'example.com',
    pattern: '^[A-Za-z0-9.-]+$',
    description: 'An order without a contact is told about at <user>@ this domain.',
  }),
  orderUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s{}]*\\{orderId\\}[^\\s{}]*$',
      description: 'Your page about an order, for example https://shop.example/orders/{orderId}; the mails link to it.',
    }),
  ),
  callbackUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      description:
        'How providers reach this service from outside, for their status callbacks: https://notify.example.com',
    }),
  ),
  twilioAccountSid: Type.Optional(
    Type.String({ pattern: '^AC[A-Za-z0-9]+$', description: 'SMS by Twilio. Unset, SMS become log lines.' }),
  ),
  twilioAuthToken: Type.Optional(Type.String({ minLength: 1, description: 'Required with TWILIO_ACCOUNT_SID.' })),
  twilioFrom: Type.Optional(
    Type.String({
      pattern: '^(\\+[1-9][0-9]{6,14}|MG[A-Za-z0-9]+)$',
      description: 'Our number, or the sid of a messaging service. Required with TWILIO_ACCOUNT_SID.',
    }),
  ),
  twilioBaseUrl: Type.String({
    default: 'https://api.twilio.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Twilio, or what speaks like it.',
  }),
  twilioSecondAccountSid: Type.Optional(
    Type.String({
      pattern: '^AC[A-Za-z0-9]+$',
      description: 'An account that takes over while the first does not serve.',
    }),
  ),
  twilioSecondAuthToken: Type.Optional(Type.String({ minLength: 1 })),
  twilioSecondFrom: Type.Optional(Type.String({ pattern: '^(\\+[1-9][0-9]{6,14}|MG[A-Za-z0-9]+)$' })),
  twilioSecondBaseUrl: Type.String({ default: 'https://api.twilio.com', pattern: '^https?://[^\\s?#]+[^/\\s?#]$' }),
  fcmServiceAccount: Type.Optional(
    Type.String({
      description: 'Push to apps by FCM: the JSON of a Google service account. Unset, such pushes become log lines.',
    }),
  ),
  fcmBaseUrl: Type.String({
    default: 'https://fcm.googleapis.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'FCM, or what speaks like it.',
  }),
  vapidPrivateKey: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description:
        'Push to browsers by Web Push: the private key, in base64url, of the pair whose public key pages subscribe with. Unset, such pushes become log lines.',
    }),
  ),
  vapidSubject: Type.String({
    default: 'mailto:orders@example.com',
    pattern: '^(mailto:|https://)[^\\s]+$',
    description: 'Where push services reach whoever runs this.',
  }),
  sesTopicArn: Type.Optional(
    Type.String({
      pattern: '^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]+:[A-Za-z0-9_.-]+$',
      description: 'The SNS topic by which SES tells of bounces and complaints, to CALLBACK_URL/callbacks/ses.',
    }),
  ),
  postmarkWebhookSecret: Type.Optional(
    Type.String({
      minLength: 16,
      description:
        'Password, or parameter token, of the URL that Postmark’s webhooks call: CALLBACK_URL/callbacks/postmark.',
    }),
  ),
  mailgunSigningKey: Type.Optional(
    Type.String({ minLength: 16, description: 'Mailgun’s webhook signing key, for CALLBACK_URL/callbacks/mailgun.' }),
  ),
  bouncesDir: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'A Maildir that delivery status notifications (RFC 3464) arrive in: those in new are read, and go to cur.',
    }),
  ),
  webhookSecret: Type.Optional(
    Type.String({
      pattern: '^[^\\s,]{24,}(,[^\\s,]{24,})*$',
      description:
        'Master secret from which each webhook URL gets its signing secret, 24 characters or more; several, separated by commas, while one is replaced. Unset, webhooks become log lines.',
    }),
  ),
  webhookAllowPrivate: Type.Boolean({
    default: false,
    description: 'Lets webhooks and Web Push go to private addresses. For development and tests only.',
  }),
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
    description: 'IANA time zone of the customers of whom none is known, for example Europe/Berlin.',
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
      pattern: '^[^\\s@<>,;:"()\\u0000-\\u001f]+@[^\\s@<>,;:"()\\u0000-\\u001f]+$',
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
  currency: Type.String({ default: 'EUR', pattern: '^[A-Z]{3}$', description: 'ISO 4217 code of all prices.' }),
})
export type NotificationConfig = Static<typeof NotificationConfig>
