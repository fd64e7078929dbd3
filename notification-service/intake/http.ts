// What operators may ask for directly: tell somebody something.
import { randomUUID } from 'node:crypto'
import { Locale } from '@orders/shared/contracts'
import type { HttpServer, Wiring } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import type { NotificationConfig } from '../config.ts'
import { channelsOf } from '../domain.ts'
import { Data } from '../rendering/http.ts'
import { dataFor, faulty } from '../rendering/request.ts'
import type { Terms } from '../rules/settings.ts'
import type { Wanted } from './domain.ts'
import { submitDirect } from './handlers.ts'

const Priority = Type.Union([Type.Literal('urgent'), Type.Literal('normal'), Type.Literal('bulk')])

export const SendNotification = Type.Object(
  {
    to: Type.Object(
      {
        email: Type.Optional(Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;:"()]+@[^\\s@<>,;:"()]+$' })),
        phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
        push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048 })),
        webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s]+$' })),
      },
      { additionalProperties: false, minProperties: 1 },
    ),
    subject: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000-\\u001f\\u007f]+$' })),
    body: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000 })),
    template: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'instead of subject and body' })),
    data: Type.Optional(Data),
    locale: Type.Optional(Locale),
    priority: Type.Optional(Priority),
  },
  { additionalProperties: false },
)

const Key = Type.Object({ 'idempotency-key': Type.Optional(Type.String({ minLength: 1, maxLength: 255 })) })

export function intakeRoutes(app: HttpServer, { commit, auth, now }: Wiring<NotificationConfig>, terms: Terms): void {
  const operators = { onRequest: auth.operator }

  app.post(
    '/notifications',
    { ...operators, schema: { body: SendNotification, headers: Key, summary: 'Tell somebody something' } },
    async ({ body, headers }, reply) => {
      const { to, locale, priority = 'normal' } = body
      const request = { to, wanted: wantedOf(body), locale, priority }
      const key = headers['idempotency-key']
      const submission = { id: randomUUID(), key, request, terms, at: now().toISOString() }
      const keys = key === undefined ? [] : [key]
      const notification = await commit.submit((tx) => submitDirect(tx, submission), { keys })
      const { id, createdAt } = notification
      return reply
        .status(202)
        .header('location', `/notifications/${id}`)
        .send({ id, status: 'waiting', channels: channelsOf(notification), createdAt })
    },
  )
}

/** Either subject and body, or a template and its data. */
function wantedOf({ subject, body, template, data }: Static<typeof SendNotification>): Wanted {
  if (template !== undefined) {
    const beside = Object.entries({ subject, body }).filter(([, value]) => value !== undefined)
    if (beside.length > 0) throw faulty(beside.map(([field]) => ({ field, message: 'does not go with a template' })))
    return { template, data: dataFor(template, data ?? {}) }
  }
  if (subject !== undefined && body !== undefined && data === undefined) return { subject, body }
  const missing = Object.entries({ subject, body }).filter(([, value]) => value === undefined)
  throw faulty([
    ...missing.map(([field]) => ({ field, message: 'is required, or a template' })),
    ...(data === undefined ? [] : [{ field: 'data', message: 'goes with a template' }]),
  ])
}
