// What providers tell afterwards of a message that they took. They have no token of ours: what they sign is believed.

import type { Cause } from '@orders/shared/messaging'
import { formOf, type HttpServer, RejectedError, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { takeReport } from './addresses.ts'
import type { Said } from './domain.ts'
import { NotificationId } from './ids.ts'
import type { Proof } from './proof.ts'
import { twilioAccountsOf } from './senders.ts'
import { isAddressGone, isSignedByTwilio } from './twilio.ts'

const NO_NUL = '^[^\\u0000]+$'
const Generation = Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,5}$' }))
const Callback = Type.Object({ notification: NotificationId, generation: Generation })
const StatusCallback = Type.Object({
  MessageSid: Type.String({ minLength: 1, maxLength: 64, pattern: NO_NUL }),
  MessageStatus: Type.String({ pattern: '^[a-z_]{1,32}$' }),
  ErrorCode: Type.Optional(Type.String({ pattern: '^[0-9]{0,8}$' })),
})

export type Take = (said: Said, cause?: Cause) => Promise<void>

/** Keeps what was told; of an address that is gone only while its provider is believed. */
export function takingReports({ commit }: Pick<Wiring<NotificationConfig>, 'commit'>, proof: Proof): Take {
  return async (said, cause) => {
    const isGone = said.isAddressGone && (await proof.accepts(said.provider))
    await commit.submit(takeReport({ ...said, isAddressGone: isGone }), cause)
  }
}

export function callbackRoutes(app: HttpServer, wiring: Wiring<NotificationConfig>, proof: Proof): void {
  twilioRoute(app, wiring, takingReports(wiring, proof))
}

function twilioRoute(app: HttpServer, { config, now }: Wiring<NotificationConfig>, take: Take): void {
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
