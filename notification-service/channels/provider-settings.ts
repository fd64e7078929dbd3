// What the channels read from the environment: their providers, how long and how fast they are asked, and who tells of what they took.
import { Type } from 'typebox'
import { addedSettings } from './added-settings.ts'

export const providerSettings = {
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
      pattern: '^[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*$',
      description:
        'Which of the configured ones mails go by, the preferred one first: smtp, smtp-second, postmark, ses, and those that were added. Unset, all of them in this order.',
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
  smsCountries: Type.Optional(
    Type.String({
      pattern: '^\\+[1-9][0-9]{0,6}(,\\+[1-9][0-9]{0,6})*$',
      description:
        'Calling codes that SMS go to, for example +43,+49; what is beyond is refused. Unset, anywhere: your provider’s own list is the only limit.',
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
  ...addedSettings,
}
