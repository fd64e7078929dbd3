// What operators may ask about the addresses themselves, and what providers tell afterwards.
import { Channel, channels } from '@orders/shared/contracts'
import { formOf, type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { addToSuppressions, removeFromSuppressions, takeReport } from './addresses.ts'
import { twilioAccountsOf } from './senders.ts'
import { listSuppressions, type SuppressionPlace } from './store.ts'
import { isAddressGone, isSignedByTwilio } from './twilio.ts'
import { secretsOf } from './webhook.ts'

export const NotificationId = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$' })

/** PostgreSQL keeps no U+0000 in a text. */
const NO_NUL = '^[^\\u0000]+$'
const Address = Type.String({ minLength: 1, maxLength: 2048, pattern: NO_NUL })
const Suppress = Type.Object(
  { channel: Channel, address: Address, reason: Type.String({ minLength: 1, maxLength: 200, pattern: NO_NUL }) },
  { additionalProperties: false },
)
const ByAddress = Type.Object({ address: Address })
/** Where a page ends: `2026-11-28T20:00:00.000Z email ann@example.com`. */
const PLACE = `^[^ \\u0000]+ (${channels.join('|')}) [^\\u0000]+$`
const Suppressed = Type.Object(
  {
    address: Type.Optional(Address),
    before: Type.Optional(
      Type.String({ maxLength: 2_100, pattern: PLACE, description: 'the `next` of the page before' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
const WebhookUrl = Type.Object(
  { url: Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' }) },
  { additionalProperties: false },
)

export function channelRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>): void {
  addressRoutes(app, wiring)
  // Apart, so that no other route understands a form.
  app.register(async (callbacks: HttpServer) => callbackRoutes(callbacks, wiring))
}

/** What is known of the addresses themselves, which are personal data. */
function addressRoutes(app: HttpServer, { commit, config, database, auth, now }: Wiring<NotificationConfig>): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/suppressions',
    { ...operators, schema: { querystring: Suppressed, summary: 'Addresses that are told nothing more, and why' } },
    async ({ query: { address, before, limit: most = '100' } }) => {
      const limit = Number(most)
      const place = before === undefined ? undefined : placeIn(before)
      const page = await listSuppressions(database, { address, before: place, limit })
      const last = page.length === limit ? page.at(-1) : undefined
      return { suppressions: page, next: last ? `${last.at} ${last.channel} ${last.address}` : null }
    },
  )

  app.post(
    '/suppressions',
    {
      ...operators,
      schema: { body: Suppress, summary: 'Tell an address nothing more, as after a bounce that came by mail' },
    },
    async (request, reply) => {
      const suppression = { ...request.body, notificationId: null, at: now().toISOString() }
      await commit.submit(addToSuppressions(suppression), traceOf(request))
      return reply.status(204).send()
    },
  )

  app.delete(
    '/suppressions/:address',
    {
      ...operators,
      config: { hasPrivateUrl: true },
      schema: { params: ByAddress, summary: 'Let an address be told again' },
    },
    async (request, reply) => {
      await commit.submit(removeFromSuppressions(request.params.address), traceOf(request))
      return reply.status(204).send()
    },
  )

  app.post(
    '/webhooks/secret',
    { ...operators, schema: { body: WebhookUrl, summary: 'What the owner of a webhook URL verifies signatures with' } },
    async ({ body }) => {
      if (config.webhookSecret === undefined)
        throw new RejectedError(404, 'webhooks_not_configured', 'set WEBHOOK_SECRET')
      return { secrets: secretsOf(config.webhookSecret, body.url) }
    },
  )
}

function placeIn(before: string): SuppressionPlace {
  const [at = '', channel = '', ...address] = before.split(' ')
  return { at, channel, address: address.join(' ') }
}

const Callback = Type.Object({ notification: NotificationId })
const StatusCallback = Type.Object({
  MessageSid: Type.String({ minLength: 1, maxLength: 64, pattern: NO_NUL }),
  MessageStatus: Type.String({ pattern: '^[a-z_]{1,32}$' }),
  ErrorCode: Type.Optional(Type.String({ pattern: '^[0-9]{0,8}$' })),
})

/** Providers have no token of ours: what they sign is believed. */
function callbackRoutes(app: HttpServer, { commit, config, now }: Wiring<NotificationConfig>): void {
  const form = 'application/x-www-form-urlencoded'
  app.addContentTypeParser<Buffer>(form, { parseAs: 'buffer' }, (request, body, done) =>
    done(null, formOf(body, request.headers['content-type'])),
  )

  app.post(
    '/callbacks/twilio',
    { schema: { querystring: Callback, body: StatusCallback, summary: 'Twilio tells what became of an SMS' } },
    async (request, reply) => {
      const { body, query, headers, url } = request
      const signature = String(headers['x-twilio-signature'] ?? '')
      const isTwilio = twilioAccountsOf(config).some(
        ({ authToken, callbackUrl }) =>
          callbackUrl !== undefined && isSignedByTwilio(authToken, callbackUrl + url, body, signature),
      )
      if (!isTwilio)
        throw new RejectedError(403, 'signature_refused', 'this is not signed by the Twilio account of this service')
      const { MessageSid: providerId, MessageStatus: status, ErrorCode: code = '' } = body
      const error = code === '' ? null : `twilio error ${code}`
      const about = { notificationId: query.notification, channel: 'sms' as const, at: now().toISOString() }
      const report = { ...about, status, providerId, error }
      await commit.submit(takeReport(report, isAddressGone(code)), traceOf(request))
      return reply.status(204).send()
    },
  )
}
