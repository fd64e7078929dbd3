// The channels' settings in the environment: providers, patience, rate limits, and the sources of reports.
import { Type } from 'typebox'
import { addedSettings } from './added-settings.ts'

export const providerSettings = {
  smtpUrl: Type.Optional(
    Type.String({
      pattern: '^smtps?://',
      description:
        'URL of the mail server, for example smtp://user:password@mail.example.com:587. Without any mail provider, mails become files in DATA_DIR/mail.',
    }),
  ),
  smtpSecondUrl: Type.Optional(
    Type.String({
      pattern: '^smtps?://',
      description: 'URL of a second mail server, which takes over while the breaker of the first is open.',
    }),
  ),
  postmarkServerToken: Type.Optional(
    Type.String({ minLength: 1, description: 'API token of a Postmark server. Mails can then go by Postmark.' }),
  ),
  postmarkMessageStream: Type.String({
    default: 'outbound',
    pattern: '^[a-z0-9-]+$',
    description: 'Message stream of the Postmark server.',
  }),
  postmarkBaseUrl: Type.String({
    default: 'https://api.postmarkapp.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Base URL of Postmark’s API, or of a compatible one.',
  }),
  sesRegion: Type.Optional(
    Type.String({
      pattern: '^[a-z]{2}(-[a-z]+)+-[0-9]$',
      description:
        'AWS region of Amazon SES (API v2). Mails can then go by SES. Needs SES_ACCESS_KEY_ID and SES_SECRET_ACCESS_KEY.',
    }),
  ),
  sesAccessKeyId: Type.Optional(Type.String({ minLength: 1, description: 'Required with SES_REGION.' })),
  sesSecretAccessKey: Type.Optional(Type.String({ minLength: 1, description: 'Required with SES_REGION.' })),
  sesSessionToken: Type.Optional(
    Type.String({ minLength: 1, description: 'Session token, if the SES credentials are temporary.' }),
  ),
  sesConfigurationSet: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{1,64}$',
      description: 'Configuration set by which SES reports bounces and complaints.',
    }),
  ),
  sesBaseUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      description: 'Base URL of an API that is compatible with SES. Default: SES in SES_REGION.',
    }),
  ),
  emailProviders: Type.Optional(
    Type.String({
      pattern: '^[a-z][a-z0-9-]*(,[a-z][a-z0-9-]*)*$',
      description:
        'Mail providers to use, the preferred one first, separated by commas: smtp, smtp-second, postmark, ses, or one that you added. Unset: all that are configured, in this order.',
    }),
  ),
  unknownOutcomeSeconds: Type.Integer({
    minimum: 60,
    maximum: 86_400,
    default: 900,
    description:
      'How many seconds a message that a provider may have accepted waits before the second provider gets it. A smaller value sends sooner, and more often twice.',
  }),
  mailPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: 604_800_000,
    default: 6 * 3_600_000,
    description: 'How long a mail is retried while its provider defers it or does not answer, in milliseconds.',
  }),
  channelPatienceMs: Type.Integer({
    minimum: 1_000,
    maximum: 604_800_000,
    default: 3_600_000,
    description: 'How long an SMS, push or webhook is retried, in milliseconds.',
  }),
  mailsPerSecond: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'Mails that all copies of the service together send in a second at most. Unset: no limit.',
    }),
  ),
  smsPerSecond: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'SMS that all copies together send in a second at most. Unset: no limit.',
    }),
  ),
  retryAfterMaxMs: Type.Integer({
    minimum: 30_000,
    maximum: 3_600_000,
    default: 900_000,
    description: 'Longest time for which the service stops calling a provider that sends Retry-After, in milliseconds.',
  }),
  suppressionSharePercent: Type.Integer({
    minimum: 1,
    maximum: 100,
    default: 10,
    description:
      'If a provider reports the address as gone for more than this percentage of an hour’s calls, the service suppresses no further address that it reports, until an operator releases the stop.',
  }),
  urgentDirectAfterMs: Type.Integer({
    minimum: 100,
    maximum: 3_600_000,
    default: 5_000,
    description:
      'How long RabbitMQ must be unreachable before the service sends urgent notifications without it, in milliseconds.',
  }),
  smsCountries: Type.Optional(
    Type.String({
      pattern: '^\\+[1-9][0-9]{0,6}(,\\+[1-9][0-9]{0,6})*$',
      description:
        'Calling codes to which SMS may go, for example +43,+49; the service refuses all others. Unset: only your provider’s own list limits them.',
    }),
  ),
  callbackUrl: Type.Optional(
    Type.String({
      pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
      description:
        'URL at which providers reach this service with their callbacks, for example https://notify.example.com',
    }),
  ),
  twilioAccountSid: Type.Optional(
    Type.String({
      pattern: '^AC[A-Za-z0-9]+$',
      description: 'Account SID of Twilio, by which SMS go. Unset: SMS become log lines.',
    }),
  ),
  twilioAuthToken: Type.Optional(Type.String({ minLength: 1, description: 'Required with TWILIO_ACCOUNT_SID.' })),
  twilioFrom: Type.Optional(
    Type.String({
      pattern: '^(\\+[1-9][0-9]{6,14}|MG[A-Za-z0-9]+)$',
      description: 'Sender of SMS: your number, or the SID of a messaging service. Required with TWILIO_ACCOUNT_SID.',
    }),
  ),
  twilioBaseUrl: Type.String({
    default: 'https://api.twilio.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Base URL of Twilio’s API, or of a compatible one.',
  }),
  twilioSecondAccountSid: Type.Optional(
    Type.String({
      pattern: '^AC[A-Za-z0-9]+$',
      description: 'Second Twilio account, which takes over while the breaker of the first is open.',
    }),
  ),
  twilioSecondAuthToken: Type.Optional(
    Type.String({ minLength: 1, description: 'Required with TWILIO_SECOND_ACCOUNT_SID.' }),
  ),
  twilioSecondFrom: Type.Optional(
    Type.String({
      pattern: '^(\\+[1-9][0-9]{6,14}|MG[A-Za-z0-9]+)$',
      description: 'Sender of SMS by the second account. Required with TWILIO_SECOND_ACCOUNT_SID.',
    }),
  ),
  twilioSecondBaseUrl: Type.String({
    default: 'https://api.twilio.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Base URL of the API of the second account.',
  }),
  fcmServiceAccount: Type.Optional(
    Type.String({
      description: 'JSON of a Google service account, for push to apps by FCM. Unset: pushes to apps become log lines.',
    }),
  ),
  fcmBaseUrl: Type.String({
    default: 'https://fcm.googleapis.com',
    pattern: '^https?://[^\\s?#]+[^/\\s?#]$',
    description: 'Base URL of FCM, or of a compatible API.',
  }),
  vapidPrivateKey: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9_-]{43}$',
      description:
        'Private VAPID key in base64url, for push to browsers by Web Push. Your pages subscribe with its public key. Unset: pushes to browsers become log lines.',
    }),
  ),
  vapidSubject: Type.String({
    default: 'mailto:orders@example.com',
    pattern: '^(mailto:|https://)[^\\s]+$',
    description: 'Contact that push services get: a mailto: or https: URL at which they reach you.',
  }),
  sesTopicArn: Type.Optional(
    Type.String({
      pattern: '^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]+:[A-Za-z0-9_.-]+$',
      description: 'ARN of the SNS topic by which SES reports bounces and complaints to CALLBACK_URL/callbacks/ses.',
    }),
  ),
  postmarkWebhookSecret: Type.Optional(
    Type.String({
      minLength: 16,
      description:
        'Secret of Postmark’s webhooks: the password, or the parameter token, in their URL CALLBACK_URL/callbacks/postmark.',
    }),
  ),
  mailgunSigningKey: Type.Optional(
    Type.String({ minLength: 16, description: 'Mailgun’s webhook signing key, for CALLBACK_URL/callbacks/mailgun.' }),
  ),
  bouncesDir: Type.Optional(
    Type.String({
      minLength: 1,
      description:
        'Maildir that receives delivery status notifications (RFC 3464). The service reads the mails in its folder new and moves them to cur.',
    }),
  ),
  webhookSecret: Type.Optional(
    Type.String({
      pattern: '^[^\\s,]{24,}(,[^\\s,]{24,})*$',
      description:
        'Master secret of 24 characters or more, from which the service derives the signing secret of each webhook URL. To replace it, put the new one before the old one, separated by a comma. Unset: webhooks become log lines.',
    }),
  ),
  webhookAllowPrivate: Type.Boolean({
    default: false,
    description: 'true: webhooks and Web Push may go to private addresses. For development and tests only.',
  }),
  ...addedSettings,
}
