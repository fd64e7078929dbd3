// What operators may ask of audit-service: an order's story, the events themselves, and whether the log is whole.
import { OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import type { AuditConfig } from './config.ts'
import type { Verdict } from './domain.ts'
import { moneyIn } from './sentences.ts'
import { eventsOf, listEvents, verifyAll } from './store.ts'
import { storyOf } from './story.ts'
import { textOf } from './text.ts'

const ByOrderId = Type.Object({ orderId: OrderId })
const Format = Type.Object(
  { format: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('json')])) },
  { additionalProperties: false },
)
const Page = Type.Object(
  {
    after: Type.Optional(
      Type.String({ pattern: '^[0-9]{1,15}$', description: 'Sequence of the last event already seen' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    orderId: Type.Optional(OrderId),
  },
  { additionalProperties: false },
)

export function routes(app: HttpServer, { database, auth, config, now }: Wiring<AuditConfig>): void {
  const operators = { onRequest: auth.operator }
  const money = moneyIn(config.currency)
  let verifying: Promise<Verdict> | undefined

  app.get(
    '/audit/orders/:orderId',
    {
      ...operators,
      schema: { params: ByOrderId, querystring: Format, summary: 'The story of an order, and its gaps' },
    },
    async ({ params: { orderId }, query, headers }, reply) => {
      const terms = { now: now().toISOString(), gapAfterMs: config.auditGapAfterMs, money }
      const events = (await eventsOf(database, orderId)).map(({ body, ...entry }) => ({
        ...entry,
        data: envelopeOf(body).data,
      }))
      const story = storyOf(orderId, events, terms)
      if (!story) throw new RejectedError(404, 'no_such_order', `nobody has said anything about ${orderId}`)
      const wantsText =
        query.format === 'text' || (query.format === undefined && headers.accept?.startsWith('text/plain'))
      return wantsText ? reply.type('text/plain; charset=utf-8').send(textOf(story)) : story
    },
  )

  app.get(
    '/audit/events',
    { ...operators, schema: { querystring: Page, summary: 'The events as they were kept, oldest first' } },
    async ({ query: { after = '0', limit = '100', type, orderId } }) => {
      const entries = await listEvents(database, { after: Number(after), type, orderId, limit: Number(limit) })
      const events = entries.map(({ body, ...entry }) => ({ ...entry, event: envelopeOf(body) }))
      return { events, next: entries.length === Number(limit) ? (entries.at(-1)?.sequence ?? null) : null }
    },
  )

  app.get('/audit/verify', { ...operators, schema: { summary: 'Checks the whole log, hash by hash' } }, async () => {
    // Whoever asks while a check is under way gets its answer: reading everything once at a time is enough.
    verifying ??= verifyAll(database).finally(() => {
      verifying = undefined
    })
    return verifying
  })
}

function envelopeOf(body: string): { data?: unknown } {
  // The cast is the decoding edge: only bodies that are JSON objects were kept.
  return JSON.parse(body) as { data?: unknown }
}
