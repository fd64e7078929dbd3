// HTTP routes for providers' reports on messages that they accepted. Providers have no token of this service; their
// signature or shared secret is checked instead.

import type { Cause, Work } from '@orders/shared/messaging'
import { formOf, type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { Nothing } from '../views.ts'
import { withoutAddresses } from './address-in-text.ts'
import { takeReport } from './addresses.ts'
import { fetchText } from './ask-provider.ts'
import type { Said } from './domain.ts'
import { NotificationId } from './ids.ts'
import { type MailReport, saidOf } from './mail-reports.ts'
import { mailgunSignature, onceBy, reportInMailgun, signatureRefused } from './mailgun-hooks.ts'
import { isFromPostmark, reportInPostmark } from './postmark-hooks.ts'
import type { Proof } from './proof.ts'
import { twilioAccountsOf } from './senders.ts'
import { reportsInSes } from './ses-notices.ts'
import { messageIn } from './sns.ts'
import { hookSignatures } from './store.ts'
import { isAddressGone, isSignedByTwilio } from './twilio.ts'

const NO_NUL = '^[^\\u0000]+$'
const Generation = Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,5}$' }))
const Callback = Type.Object({ notification: NotificationId, generation: Generation })
const StatusCallback = Type.Object({
  MessageSid: Type.String({ minLength: 1, maxLength: 64, pattern: NO_NUL }),
  MessageStatus: Type.String({ pattern: '^[a-z_]{1,32}$' }),
  ErrorCode: Type.Optional(Type.String({ pattern: '^[0-9]{0,8}$' })),
})

/** `within` adds work to the same commit. */
export type Take = (said: Said, cause?: Cause, within?: (work: Work<void>) => Work<void>) => Promise<void>

/** Stores a report. An address that is reported as gone is suppressed only while the provider is trusted. */
export function takingReports({ commit }: Pick<Wiring<NotificationConfig>, 'commit'>, proof: Proof): Take {
  return async (said, cause, within = (work) => work) => {
    const isGone = said.isAddressGone && (await proof.accepts(said.provider))
    const { error } = said.report
    const report = { ...said.report, error: error && withoutAddresses(error, said.recipient) }
    await commit.submit(within(takeReport({ ...said, report, isAddressGone: isGone })), cause)
  }
}

export function callbackRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, proof: Proof): void {
  const take = takingReports(wiring, proof)
  twilioRoute(app, wiring, take)
  // In a scope of its own: only Twilio's route parses forms, and only the mail routes parse text.
  app.register(async (mails: HttpServer) => mailRoutes(mails, wiring, take))
}

/** The bodies have no schema. Mail providers send many shapes, and each provider's parser checks its own. */
function mailRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, take: Take): void {
  const { config, commit, database, now } = wiring
  const { mailIdDomain, sesTopicArn, postmarkWebhookSecret, mailgunSigningKey } = config
  // SNS sends JSON with the content type text/plain.
  app.addContentTypeParser<Buffer>('text/plain', { parseAs: 'buffer' }, (_, body, done) =>
    done(null, jsonIn(body.toString())),
  )

  async function takeAll(reports: readonly MailReport[], cause: Cause): Promise<void> {
    for (const report of reports) await take(saidOf(report, now().toISOString()), cause)
  }

  app.post(
    '/callbacks/ses',
    {
      schema: {
        response: { 204: Nothing },
        problems: {
          400: ['bad_json'],
          403: ['signature_refused'],
          404: ['callbacks_not_configured'],
          503: ['unreachable'],
        },
        operationId: 'takeSesReport',
        summary: 'Report of Amazon SES on a mail, by SNS',
        description: 'The service trusts what SNS has signed for the topic in `SES_TOPIC_ARN`.',
      },
    },
    async (request, reply) => {
      if (sesTopicArn === undefined) throw notConfigured('SES_TOPIC_ARN')
      const message = await messageIn(request.body, sesTopicArn, fetchText)
      if (message !== undefined) await takeAll(reportsInSes(jsonIn(message), mailIdDomain), traceOf(request))
      return reply.status(204).send()
    },
  )

  app.post(
    '/callbacks/postmark',
    {
      config: { hasPrivateUrl: true },
      schema: {
        querystring: Type.Object({ token: Type.Optional(Type.String({ maxLength: 200, pattern: NO_NUL })) }),
        response: { 204: Nothing },
        problems: { 401: ['secret_refused'], 404: ['callbacks_not_configured'] },
        operationId: 'takePostmarkReport',
        description:
          'The service trusts a request with `POSTMARK_WEBHOOK_SECRET`, by basic authentication or as `token`.',
        summary: 'Report of Postmark on a mail',
      },
    },
    async (request, reply) => {
      if (postmarkWebhookSecret === undefined) throw notConfigured('POSTMARK_WEBHOOK_SECRET')
      const { authorization = '' } = request.headers
      if (!isFromPostmark(postmarkWebhookSecret, authorization, request.query.token ?? ''))
        throw new RejectedError(401, 'secret_refused', 'this is not the secret of the webhook')
      const report = reportInPostmark(request.body, mailIdDomain)
      if (report) await takeAll([report], traceOf(request))
      return reply.status(204).send()
    },
  )

  app.post(
    '/callbacks/mailgun',
    {
      schema: {
        response: { 204: Nothing },
        problems: { 403: ['signature_refused'], 404: ['callbacks_not_configured'] },
        operationId: 'takeMailgunReport',
        summary: 'Report of Mailgun on a mail',
        description: 'The service trusts a report signed with `MAILGUN_SIGNING_KEY`, once.',
      },
    },
    async (request, reply) => {
      if (mailgunSigningKey === undefined) throw notConfigured('MAILGUN_SIGNING_KEY')
      const signature = mailgunSignature(request.body, mailgunSigningKey, now().getTime())
      // Also checked before the commit, so that a repeated report of a gone address is not counted twice.
      if (signature === undefined || (await hookSignatures.load(database, [signature])).size > 0)
        throw signatureRefused()
      const at = now().toISOString()
      const once = onceBy(signature, at)
      const report = reportInMailgun(request.body, mailIdDomain)
      if (report) await take(saidOf(report, at), traceOf(request), once)
      else await commit.submit(once(NOTHING_TOLD), traceOf(request))
      return reply.status(204).send()
    },
  )
}

const NOTHING_TOLD: Work<void> = { reads: () => [], decide: () => ({ result: undefined, messages: [] }) }

function notConfigured(setting: string): RejectedError {
  return new RejectedError(404, 'callbacks_not_configured', `set ${setting}`)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new RejectedError(400, 'bad_json', 'this is not JSON')
  }
}

function twilioRoute(app: HttpServer, { config, now }: Wiring<NotificationConfig>, take: Take): void {
  const form = 'application/x-www-form-urlencoded'
  app.addContentTypeParser<Buffer>(form, { parseAs: 'buffer' }, (request, body, done) =>
    done(null, formOf(body, request.headers['content-type'])),
  )

  app.post(
    '/callbacks/twilio',
    {
      schema: {
        querystring: Callback,
        body: StatusCallback,
        consumes: [form],
        response: { 204: Nothing },
        problems: { 403: ['signature_refused'] },
        operationId: 'takeTwilioReport',
        summary: 'Report of Twilio on an SMS',
        description: 'The service trusts what a configured Twilio account has signed.',
      },
    },
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
      const about = {
        notificationId: query.notification,
        generation: Number(query.generation ?? 1),
        channel: 'sms' as const,
      }
      const report = { ...about, status, providerId, error, at: now().toISOString() }
      const said = { report, provider: 'twilio', isAddressGone: isAddressGone(code), isComplaint: false }
      await take(said, traceOf(request))
      return reply.status(204).send()
    },
  )
}
