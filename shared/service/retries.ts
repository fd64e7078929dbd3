// What waits to be handled again, for an operator: to see why, to hasten it, to give it up.
import { Type } from 'typebox'
import type { Auth } from '../http/auth.ts'
import type { HttpServer } from '../http/http.ts'
import {
  about,
  type Cause,
  type GroupCommit,
  givenUp,
  hastened,
  type Kept,
  listRetries,
  retries,
} from '../messaging/index.ts'
import { RejectedError } from '../runtime/errors.ts'
import type { Reader } from '../storage/index.ts'
import { traceOf } from './trace.ts'

interface Parts {
  auth: Pick<Auth, 'operator'>
  commit: Pick<GroupCommit, 'submit'>
  database: Reader
  now: () => Date
  /** Something is due at once. */
  wake(): void
}

const Text = Type.Optional(Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$' }))
const Page = Type.Object(
  {
    queue: Text,
    type: Text,
    subject: Text,
    after: Type.Optional(
      Type.String({ pattern: '^[0-9TZ:.-]{1,30}/[0-9a-f]{32}$', description: '`next` of the page before' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
const ById = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) })
const NullableText = Type.Union([Type.String(), Type.Null()])
const Retry = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  subject: Type.String(),
  attempts: Type.Integer({ description: 'made so far' }),
  dueAt: Type.String(),
  endsAt: NullableText,
  waitsFor: NullableText,
  code: Type.String(),
  why: Type.String(),
  keptAt: Type.String(),
  history: Type.Array(Type.Object({ at: Type.String(), attempt: Type.Integer(), error: Type.String() })),
})

export function retryRoutes(app: HttpServer, { auth, commit, database, now, wake }: Parts): void {
  const operators = { onRequest: auth.operator }

  app.get(
    '/retries',
    {
      ...operators,
      schema: {
        querystring: Page,
        response: { 200: Type.Object({ retries: Type.Array(Retry), next: NullableText }) },
        summary: 'What waits to be handled again, and why; what is due first first',
      },
    },
    async ({ query: { queue, type, subject, after, limit: wanted = '100' } }) => {
      const limit = Number(wanted)
      const [dueAt = '', id = ''] = after?.split('/') ?? []
      const page = await listRetries(database, {
        queue,
        type,
        subject,
        after: after === undefined ? undefined : { dueAt, id },
        limit,
      })
      const last = page.at(-1)
      return { retries: page.map(shown), next: last && page.length === limit ? `${last.dueAt}/${last.id}` : null }
    },
  )

  /** @throws RejectedError 404 `no_such_retry` */
  async function change(id: string, changed: (kept: Kept, at: string) => Kept, trace: Cause) {
    const work = about(retries, id, (found) => {
      if (!found) throw new RejectedError(404, 'no_such_retry', `nothing waits under ${id}; it may have been handled`)
      const state = changed(found, now().toISOString())
      return { state, messages: [], result: state }
    })
    const kept = await commit.submit(work, trace)
    wake()
    return shown(kept)
  }

  app.post(
    '/retries/:id/hasten',
    { ...operators, schema: { params: ById, response: { 202: Retry }, summary: 'Handle it now' } },
    async (request, reply) => reply.status(202).send(await change(request.params.id, hastened, traceOf(request))),
  )

  app.post(
    '/retries/:id/give-up',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 202: Retry },
        summary: 'Try it no more: what its handler says of giving up is decided, or it becomes a dead letter',
      },
    },
    async (request, reply) => reply.status(202).send(await change(request.params.id, givenUp, traceOf(request))),
  )
}

function shown({ delivery: _, isDone: __, isOutside: ___, ...kept }: Kept) {
  return { ...kept, history: [...kept.history] }
}
