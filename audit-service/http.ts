// What operators may ask of audit-service: an order's story, the events themselves, whether the log is whole, and the
// console that shows all three in a browser.
import { OrderId } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { verifyAll } from './checking/store.ts'
import type { AuditConfig } from './config.ts'
import { CONSOLE_HEADERS, readConsole } from './console.ts'
import type { Verdict } from './domain.ts'
import { conflictsAmong, listEvents, newestConflicts } from './reading/store.ts'
import { moneyIn, sentenceOf } from './sentences.ts'
import { headOf } from './store.ts'
import { storyOf } from './story.ts'
import { textOf } from './text.ts'

const ByOrderId = Type.Object({ orderId: OrderId })
const Format = Type.Object(
  { format: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('json')])) },
  { additionalProperties: false },
)
/** More than an order can have, even one whose notifications were replayed for weeks. */
const STORY_MAX = 1_000
const Sequence = (description: string) => Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description }))
const Page = Type.Object(
  {
    after: Sequence('Only events after this sequence'),
    before: Sequence('Only events before this sequence'),
    newest: Type.Optional(Type.Literal('true', { description: 'The newest first, instead of the oldest' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
    // PostgreSQL keeps no U+0000 in a text.
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })),
    service: Type.Optional(Type.String({ pattern: '^[a-z]{1,40}$', description: 'Who said it, such as "order"' })),
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
      const { entries, next } = await listEvents(database, { orderId, after: 0, limit: STORY_MAX })
      const marked = await conflictsAmong(database, entries)
      const events = entries
        .filter(({ sequence }) => !marked.has(sequence))
        .map(({ body, ...entry }) => ({ ...entry, data: envelopeOf(body).data }))
      const conflicts = [...marked].sort((a, b) => a - b)
      const story = storyOf(orderId, events, terms)
      if (!story) throw new RejectedError(404, 'no_such_order', `nobody has said anything about ${orderId}`)
      const wantsText =
        query.format === 'text' || (query.format === undefined && headers.accept?.startsWith('text/plain'))
      if (!wantsText) return { ...story, conflicts, next }
      const more = next === null ? '' : `There is more: GET /audit/events?orderId=${orderId}&after=${next}\n`
      const others = `Other bodies came under ids that this story shows: GET /audit/events?orderId=${orderId}\n`
      const notes = (conflicts.length > 0 ? others : '') + more
      return reply.type('text/plain; charset=utf-8').send(textOf(story) + notes)
    },
  )

  app.get(
    '/audit/events',
    { ...operators, schema: { querystring: Page, summary: 'The events as they were kept, each with its sentence' } },
    async ({ query: { after = '0', before, newest, limit = '100', type, service, orderId } }) => {
      const { entries, next } = await listEvents(database, {
        after: Number(after),
        before: before === undefined ? undefined : Number(before),
        type,
        source: service && `/${service}-service`,
        orderId,
        newestFirst: newest === 'true',
        limit: Number(limit),
      })
      const conflicts = await conflictsAmong(database, entries)
      const events = entries.map(({ body, ...entry }) => {
        const event = envelopeOf(body)
        const conflict = conflicts.has(entry.sequence)
        return { ...entry, conflict, sentence: sentenceOf({ ...entry, data: event.data }, money), event }
      })
      return { events, next, kept: (await headOf(database)).sequence }
    },
  )

  app.get('/audit/verify', { ...operators, schema: { summary: 'Checks the whole log, hash by hash' } }, async () => {
    // Whoever asks while a check is under way gets its answer: reading everything once at a time is enough.
    verifying ??= verifyAll(database).finally(() => {
      verifying = undefined
    })
    return { ...(await verifying), conflicts: await newestConflicts(database) }
  })

  // Open to all: the page holds no data, and asks for the token that its questions need.
  const page = readConsole()
  const hidden = { schema: { hide: true } }
  app.get('/', hidden, async (_, reply) =>
    reply.headers(CONSOLE_HEADERS).type('text/html; charset=utf-8').send(page.html),
  )
  app.get('/console.css', hidden, async (_, reply) =>
    reply.headers(CONSOLE_HEADERS).type('text/css; charset=utf-8').send(page.css),
  )
  app.get('/console.js', hidden, async (_, reply) =>
    reply.headers(CONSOLE_HEADERS).type('text/javascript; charset=utf-8').send(page.script),
  )
}

function envelopeOf(body: string): { data?: unknown } {
  // The cast is the decoding edge: only bodies that are JSON objects were kept.
  return JSON.parse(body) as { data?: unknown }
}
