// HTTP routes for operators about suppressed addresses and webhook secrets. Registers the routes for providers'
// reports.
import { Channel, channels, demandEmail } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { canonicalAddress, canonicalText } from '../canonical-addresses.ts'
import type { NotificationConfig } from '../config.ts'
import { Nothing, Stop, Suppressions } from '../views.ts'
import { canonicalUrl } from '../web-addresses.ts'
import { withoutAddresses } from './address-in-text.ts'
import { addToSuppressions, removeFromSuppressions } from './addresses.ts'
import { callbackRoutes } from './callbacks.ts'
import { type Proof, releaseStop } from './proof.ts'
import { listStops, listSuppressions, type SuppressionPlace } from './store.ts'
import { secretsOf } from './webhook.ts'

/** PostgreSQL cannot store U+0000 in a text. */
const NO_NUL = '^[^\\u0000]+$'
const Address = Type.String({ minLength: 1, maxLength: 2048, pattern: NO_NUL })
const Suppress = Type.Object(
  { channel: Channel, address: Address, reason: Type.String({ minLength: 1, maxLength: 200, pattern: NO_NUL }) },
  { additionalProperties: false },
)
const ByAddress = Type.Object({ address: Address })
const ByProvider = Type.Object({ provider: Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }) })
/** The last row of the previous page: `2026-11-28T20:00:00.000Z email ann@example.com`. */
const PLACE = `^[^ \\u0000]+ (${channels.join('|')}) [^\\u0000]+$`
const Suppressed = Type.Object(
  {
    address: Type.Optional(Address),
    before: Type.Optional(
      Type.String({ maxLength: 2_100, pattern: PLACE, description: '`next` of the previous page' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
const WebhookUrl = Type.Object(
  { url: Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' }) },
  { additionalProperties: false },
)

export function channelRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, proof: Proof): void {
  addressRoutes(app, wiring)
  // In a scope of its own, so that no other route parses forms.
  app.register(async (callbacks: HttpServer) => callbackRoutes(callbacks, wiring, proof))
}

/** Routes about addresses. These are personal data, so all of them are for operators. */
function addressRoutes(app: HttpServer, { commit, config, database, auth, now }: Wiring<NotificationConfig>): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/suppressions',
    {
      ...operators,
      schema: {
        querystring: Suppressed,
        response: { 200: Suppressions },
        operationId: 'listSuppressions',
        summary: 'Suppressed addresses, and why',
      },
    },
    async ({ query: { address, before, limit: most = '100' } }) => {
      const limit = Number(most)
      const place = before === undefined ? undefined : placeIn(before)
      const asked = address === undefined ? undefined : canonicalText(address, config.phoneCountry)
      const page = await listSuppressions(database, { address: asked, before: place, limit })
      const last = page.length === limit ? page.at(-1) : undefined
      return { suppressions: page, next: last ? `${last.at} ${last.channel} ${last.address}` : null }
    },
  )

  app.post(
    '/suppressions',
    {
      ...operators,
      schema: {
        body: Suppress,
        response: { 204: Nothing },
        problems: { 400: ['bad_address'] },
        operationId: 'addSuppression',
        summary: 'Suppress an address, for example after a bounce that arrived by mail',
      },
    },
    async (request, reply) => {
      const { channel } = request.body
      const address = canonicalAddress(channel, request.body.address, config.phoneCountry)
      if (channel === 'email') demandEmail(address, 'address')
      // The reason is published with each notification that is not sent to this address.
      const reason = withoutAddresses(request.body.reason, address)
      const suppression = { channel, address, reason, notificationId: null, at: now().toISOString() }
      await commit.submit(addToSuppressions(suppression), traceOf(request))
      return reply.status(204).send()
    },
  )

  app.get(
    '/suppression-stops',
    {
      ...operators,
      schema: {
        response: { 200: Type.Object({ stops: Type.Array(Stop) }) },
        operationId: 'listSuppressionStops',
        summary: 'Providers that report too many addresses as gone and are ignored, and since when',
      },
    },
    async () => ({ stops: await listStops(database) }),
  )

  app.post(
    '/suppression-stops/:provider/release',
    {
      ...operators,
      schema: {
        params: ByProvider,
        response: { 200: Stop },
        problems: { 404: ['no_such_stop'] },
        operationId: 'releaseSuppressionStop',
        summary: 'Trust this provider’s reports of gone addresses again',
      },
    },
    async (request) => {
      const at = now().toISOString()
      return commit.submit(releaseStop(request.params.provider, at), traceOf(request))
    },
  )

  app.delete(
    '/suppressions/:address',
    {
      ...operators,
      config: { hasPrivateUrl: true },
      schema: {
        params: ByAddress,
        response: { 204: Nothing },
        problems: { 404: ['no_such_suppression'] },
        operationId: 'removeSuppression',
        summary: 'Remove an address from the suppressed ones',
      },
    },
    async (request, reply) => {
      await commit.submit(
        removeFromSuppressions(canonicalText(request.params.address, config.phoneCountry)),
        traceOf(request),
      )
      return reply.status(204).send()
    },
  )

  app.post(
    '/webhooks/secret',
    {
      ...operators,
      schema: {
        body: WebhookUrl,
        response: { 200: Type.Object({ secrets: Type.Array(Type.String(), { description: 'The newest first' }) }) },
        problems: { 404: ['webhooks_not_configured'] },
        operationId: 'deriveWebhookSecrets',
        summary: 'The signing secrets of a webhook URL, for its owner',
      },
    },
    async ({ body }) => {
      if (config.webhookSecret === undefined)
        throw new RejectedError(404, 'webhooks_not_configured', 'set WEBHOOK_SECRET')
      return { secrets: secretsOf(config.webhookSecret, canonicalUrl(body.url)) }
    },
  )
}

function placeIn(before: string): SuppressionPlace {
  const [at = '', channel = '', ...address] = before.split(' ')
  return { at, channel, address: address.join(' ') }
}
