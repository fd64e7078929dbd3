// HTTP routes for operators: send one notification or many, cancel one, send one again.
import { randomUUID } from 'node:crypto'
import { Channel } from '@orders/shared/contracts'
import type { Cause } from '@orders/shared/messaging'
import { asError, type HttpServer, problemOf, traceOf, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { NotificationId } from '../channels/ids.ts'
import type { NotificationConfig } from '../config.ts'
import { statusOf } from '../deliveries/status.ts'
import { channelsOf } from '../domain.ts'
import { cancel } from '../holding/handlers.ts'
import { faulty } from '../rendering/request.ts'
import type { Terms } from '../rules/settings.ts'
import { Accepted, Changed } from '../views.ts'
import { submitDirect } from './handlers.ts'
import { requestOf, SendNotification } from './request.ts'
import { resend } from './resend.ts'

const MANY_MAX = 500
const MANY_BYTES_MAX = 2_097_152

const OneOrMany = Type.Union([SendNotification, Type.Array(SendNotification, { minItems: 1, maxItems: MANY_MAX })])
const Answers = Type.Array(
  Type.Object({
    status: Type.Integer(),
    notification: Type.Optional(Accepted),
    problem: Type.Optional(Type.Unknown({ description: 'A Problem' })),
  }),
  { description: 'For each notification the answer that it would have got alone' },
)
const Key = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })
const ById = Type.Object({ id: NotificationId })
const Resend = Type.Object(
  {
    channel: Type.Optional(Channel),
    reason: Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' }),
    force: Type.Optional(Type.Boolean({ description: 'true: also what a provider has accepted' })),
  },
  { additionalProperties: false },
)

export function intakeRoutes(
  app: HttpServer,
  { commit, auth, log, now }: Wiring<NotificationConfig>,
  terms: Terms,
): void {
  const operators = { onRequest: auth.operator }

  async function takeIn(sent: unknown, key: string | undefined, trace: Cause) {
    const submission = {
      id: randomUUID(),
      key,
      request: requestOf(sent, terms.phoneCountry),
      terms,
      at: now().toISOString(),
    }
    const notification = await commit.submit(submitDirect(submission), trace)
    const { id, createdAt } = notification
    return { id, status: 'accepted' as const, channels: channelsOf(notification), createdAt }
  }

  /** Answers a faulty request with its own problem, so that it does not affect the others. */
  async function takeInOneOfMany(sent: unknown, key: string | undefined, trace: Cause) {
    try {
      return { status: 202, notification: await takeIn(sent, key, trace) }
    } catch (thrown) {
      const error = asError(thrown)
      const problem = problemOf(error)
      if (problem.status === 500) log.error({ err: error }, 'one of many requests failed')
      return { status: problem.status, problem }
    }
  }

  app.post(
    '/notifications',
    {
      ...operators,
      bodyLimit: MANY_BYTES_MAX,
      // The handler validates each item by itself, so that a faulty one among many fails alone.
      validatorCompiler: (part) =>
        part.httpPart === 'body' ? () => true : (app.validatorCompiler?.(part) ?? (() => true)),
      schema: {
        body: OneOrMany,
        headers: Key,
        response: { 202: Accepted, 207: Answers },
        problems: {
          400: ['bad_address'],
          404: ['no_such_customer', 'no_such_template'],
          422: ['idempotency_key_reused', 'channel_not_configured', 'no_address'],
        },
        operationId: 'sendNotifications',
        summary: `Send a notification; or, as an array, up to ${MANY_MAX} at once`,
      },
    },
    async (request, reply) => {
      const { body, headers } = request
      const key = headers['idempotency-key']
      const trace = traceOf(request)
      if (!Array.isArray(body)) {
        const answer = await takeIn(body, key, trace)
        return reply.status(202).header('location', `/notifications/${answer.id}`).send(answer)
      }
      if (body.length === 0 || body.length > MANY_MAX)
        throw faulty([{ field: 'body', message: `must have 1 to ${MANY_MAX} items` }])
      const answers = await Promise.all(body.map((item, index) => takeInOneOfMany(item, keyOfItem(key, index), trace)))
      return reply.status(207).send(answers)
    },
  )

  app.post(
    '/notifications/:id/cancel',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 200: Changed },
        problems: { 404: ['no_such_notification'], 409: ['not_cancellable'] },
        operationId: 'cancelNotification',
        summary: 'Cancel a notification that no provider has accepted yet',
      },
    },
    async (request) => {
      const { id } = request.params
      const deliveries = await commit.submit(cancel(id, now().toISOString()), traceOf(request))
      const channels = Object.fromEntries(deliveries.map(({ channel, status }) => [channel, status]))
      return { id, status: statusOf(deliveries), channels }
    },
  )

  app.post(
    '/notifications/:id/resend',
    {
      ...operators,
      schema: {
        params: ById,
        headers: Key,
        body: Resend,
        response: { 202: Changed },
        problems: {
          404: ['no_such_notification'],
          409: ['not_resendable'],
          422: ['idempotency_key_reused', 'no_address'],
        },
        operationId: 'resendNotification',
        summary: 'Send a notification again that failed or was not delivered',
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { channel, reason, force = false } = request.body
      const key = request.headers['idempotency-key']
      const resending = { id, channel, reason, force, key, at: now().toISOString() }
      const deliveries = await commit.submit(resend(resending), traceOf(request))
      const channels = Object.fromEntries(deliveries.map((delivery) => [delivery.channel, delivery.status]))
      return reply.status(202).send({ id, status: statusOf(deliveries), channels })
    },
  )
}

/** The separator is a control character. No header can contain it, so no client's key equals this one. */
function keyOfItem(key: string | undefined, index: number): string | undefined {
  return key === undefined ? undefined : `${key}\u001f${index}`
}
