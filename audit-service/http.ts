// The HTTP routes of audit-service: the story of an order, the events, the check of the log, and the console.
import { moneyFormat, OrderId, orders, registry } from '@orders/shared/contracts'
import { type HttpServer, RejectedError, type Wiring } from '@orders/shared/runtime'
import { Type } from 'typebox'
import { verifyAll } from './checking/store.ts'
import type { AuditConfig } from './config.ts'
import { CONSOLE_HEADERS, readConsole } from './console.ts'
import type { Verdict } from './domain.ts'
import { areAbout } from './personal/customer.ts'
import { type Envelope, impersonalData, maskedData } from './personal/masked.ts'
import { openCheckpoint } from './proof/checkpoint.ts'
import { proofRoutes } from './proof/http.ts'
import type { Signer } from './proof/note.ts'
import type { Outside } from './proof/outside.ts'
import { treeHeadOf } from './proof/store.ts'
import { bodiesOutTo, filesAbout } from './reading/archives/store.ts'
import { conflictsAmong, listEvents, newestConflicts } from './reading/store.ts'
import { sentenceOf } from './sentences.ts'
import { headOf } from './store.ts'
import { storyOf } from './story.ts'
import { textOf } from './text.ts'
import { Checked, Events, StoryView } from './views.ts'

const ByOrderId = Type.Object({ orderId: OrderId })
const Format = Type.Object(
  { format: Type.Optional(Type.Union([Type.Literal('text'), Type.Literal('json')])) },
  { additionalProperties: false },
)
/** More events than an order can have, even after weeks of replayed notifications. */
const STORY_MAX = 1_000
const Sequence = (description: string) => Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description }))
const Page = Type.Object(
  {
    after: Sequence('Only events after this sequence'),
    before: Sequence('Only events before this sequence'),
    newest: Type.Optional(Type.Literal('true', { description: 'The newest first instead of the oldest' })),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
    // PostgreSQL cannot store U+0000 in a text.
    type: Type.Optional(Type.String({ minLength: 1, maxLength: 200, pattern: '^[^\\u0000]+$' })),
    service: Type.Optional(Type.String({ pattern: '^[a-z]{1,40}$', description: 'The publisher, such as "order"' })),
    orderId: Type.Optional(OrderId),
    customer: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 200,
        pattern: '^[^\\u0000]+$',
        description:
          'A customer’s full name as the shop knows it, or pseudonym. Each event then shows whether it is about this customer',
      }),
    ),
    bodies: Type.Optional(
      Type.Literal('true', { description: 'The stored text of each event instead, whose bytes the proof covers' }),
    ),
  },
  { additionalProperties: false },
)

export interface Proof {
  signer: Signer
  outside: Outside
}

export function routes(app: HttpServer, wiring: Wiring<AuditConfig>, proof: Proof): void {
  const { database, show, auth, config, now } = wiring
  const operators = { onRequest: auth.operator }
  const money = moneyFormat('en', config.currency)
  let verifying: Promise<Verdict> | undefined
  const verify = async () =>
    verifyAll(database, { verifier: proof.signer, signed: await proof.outside.newest() }).finally(() => {
      verifying = undefined
    })

  app.get(
    '/audit/orders/:orderId',
    {
      ...operators,
      schema: {
        params: ByOrderId,
        querystring: Format,
        response: {
          200: {
            description: 'The story, as data or as text',
            content: { 'application/json': { schema: StoryView }, 'text/plain': { schema: Type.String() } },
          },
        },
        problems: { 404: ['no_such_order'], 410: ['archived'] },
        operationId: 'getStory',
        summary: 'The story of an order, and its gaps',
      },
    },
    async ({ params: { orderId }, query, headers }, reply) => {
      const terms = { now: now().toISOString(), gapAfterMs: config.auditGapAfterMs, money }
      const { entries, next } = await listEvents(database, { orderId, after: 0, limit: STORY_MAX })
      const archived = await filesAbout(database, orderId)
      const marked = await conflictsAmong(database, entries)
      const single = entries.filter(({ sequence }) => !marked.has(sequence))
      const events = single.map(({ body, ...entry }) => ({
        ...entry,
        data: impersonalData(registry, envelopeOf(body)),
      }))
      const conflicts = [...marked].sort((a, b) => a - b)
      const story = storyOf(orderId, events, terms)
      if (!story && archived.length > 0)
        throw new RejectedError(410, 'archived', `the events of ${orderId} are in ${archived.join(', ')}`)
      if (!story) throw new RejectedError(404, 'no_such_order', `there are no events about ${orderId}`)
      const wantsText =
        query.format === 'text' || (query.format === undefined && headers.accept?.startsWith('text/plain'))
      // Events that seem to be missing may be in the archives.
      const told = archived.length > 0 ? { ...story, gaps: [] } : story
      if (!wantsText) return { ...told, conflicts, next, archived }
      const more = next === null ? '' : `There is more: GET /audit/events?orderId=${orderId}&after=${next}\n`
      const others = `Other bodies came under ids that this story shows: GET /audit/events?orderId=${orderId}\n`
      const rest = archived.length > 0 ? `Earlier events are in archives: ${archived.join(', ')}\n` : ''
      const notes = (conflicts.length > 0 ? others : '') + rest + more
      return reply.type('text/plain; charset=utf-8').send(textOf(told) + notes)
    },
  )

  app.get(
    '/audit/events',
    {
      ...operators,
      schema: {
        querystring: Page,
        response: { 200: Events },
        operationId: 'listEvents',
        summary: 'Stored events, each with a sentence that describes it',
      },
    },
    async ({ query: { after = '0', before, newest, limit = '100', type, service, orderId, customer, bodies } }) => {
      const archived = await bodiesOutTo(database)
      const { entries, next } = await listEvents(database, {
        // Without an order id, entries whose bodies are archived are skipped at once.
        after: orderId === undefined ? Math.max(Number(after), archived) : Number(after),
        before: before === undefined ? undefined : Number(before),
        type,
        source: service && `/${service}-service`,
        orderId,
        newestFirst: newest === 'true',
        limit: Number(limit),
      })
      const conflicts = await conflictsAmong(database, entries)
      const envelopes = bodies ? [] : entries.map(({ body }) => envelopeOf(body))
      const about = customer === undefined ? [] : await areAbout(show, envelopes, customer)
      const events = entries.map(({ body, ...entry }, index) => {
        const conflict = conflicts.has(entry.sequence)
        const envelope = envelopes[index]
        if (!envelope) return { ...entry, conflict, body }
        const sentence = sentenceOf({ ...entry, data: impersonalData(registry, envelope) }, money)
        const event = { ...envelope, data: maskedData(registry, envelope) }
        return { ...entry, conflict, sentence, event, ofCustomer: about[index] }
      })
      return { events, next, kept: await headOf(database), archived }
    },
  )

  const checking = {
    response: { 200: Checked },
    operationId: 'verifyLog',
    summary: 'Verify the whole log',
  }
  app.get('/audit/verify', { ...operators, schema: checking }, async () => {
    // Requests during a check get its result: one check at a time is enough.
    verifying ??= verify()
    const verdict = await verifying
    const { size, checkpoint } = await treeHeadOf(database)
    const root = checkpoint === null ? undefined : openCheckpoint(checkpoint, proof.signer)?.root
    const rootHash = root?.toString('base64') ?? null
    const archived = await bodiesOutTo(database)
    return { ...verdict, size, rootHash, checkpoint, archived, conflicts: await newestConflicts(database) }
  })

  proofRoutes(app, wiring, proof.signer)

  // Needs no token: the console's files contain no data, and the console asks for a token before it reads data.
  for (const { path, contentType, content, etag } of readConsole(orders))
    app.get(path, { schema: { hide: true } }, async (request, reply) => {
      reply.headers({ ...CONSOLE_HEADERS, etag })
      // A proxy that compresses may mark the tag as weak.
      const has = request.headers['if-none-match']?.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
      return has ? reply.status(304).send() : reply.type(contentType).send(content)
    })
}

function envelopeOf(body: string): Envelope {
  // The cast is safe: only JSON objects are stored as bodies.
  return JSON.parse(body) as Envelope
}
