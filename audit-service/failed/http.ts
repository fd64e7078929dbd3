// The HTTP routes of failed messages. Each action needs a name and a reason, which are recorded. An action on many messages is
// refused if their number is not the one that the operator counted.
import { registry } from '@orders/shared/contracts'
import {
  Conditions,
  demandCondition,
  demandUnchanged,
  type HttpServer,
  RejectedError,
  type Wiring,
  withoutPrivate,
} from '@orders/shared/runtime'
import { type Acting, act, actionIn, actionTypes, expectCount } from '../acting.ts'
import { maskedBytes } from '../personal/masked.ts'
import { listEvents } from '../reading/store.ts'
import { nextStepFor } from './advice.ts'
import { edited } from './editing.ts'
import { ActionPage, By, ById, Filtered, FilteredPage, filterOf, NewBody, Selected, selectionOf } from './forms.ts'
import { maskedProperties, senderIn } from './properties.ts'
import {
  archive,
  type Cause,
  changeBody,
  countByCause,
  countFailures,
  type Failure,
  failuresOf,
  findFailure,
  listFailures,
} from './store.ts'
import { Actions, Archived, Causes, Counted, FailureView, Summaries } from './views.ts'

interface Parts extends Pick<Acting, 'states'> {
  /** Dead-letter queues that do not exist at the broker. */
  missing: ReadonlySet<string>
}

const CAUSES_MAX = 200
/** A body of one megabyte in base64, and the JSON around it. */
const NEW_BODY_MAX_BYTES = 1_500_000
const pageSizeOf = ({ limit = '100' }: { limit?: string }) => Number(limit)

export function failedRoutes(
  app: HttpServer,
  { database, auth, now }: Pick<Wiring<object>, 'database' | 'auth' | 'now'>,
  { states, missing }: Parts,
): void {
  const operators = { onRequest: auth.operator }
  const acting: Acting = { database, states, now }

  app.get(
    '/failed',
    {
      ...operators,
      schema: {
        querystring: FilteredPage,
        response: { 200: Summaries },
        operationId: 'listFailures',
        summary: 'Failed messages, the newest first',
      },
    },
    async ({ query: { after, limit, ...filter } }) => {
      const [failedAt = '', id = ''] = after?.split('/') ?? []
      const page = { filter: filterOf(filter), after: after === undefined ? undefined : { failedAt, id } }
      const failed = await listFailures(database, { ...page, limit: pageSizeOf({ limit }) })
      const last = failed.at(-1)
      return {
        failed: failed.map(inPublic),
        next: last && failed.length === pageSizeOf({ limit }) ? `${last.failedAt}/${last.id}` : null,
      }
    },
  )

  app.get(
    '/failed/groups',
    {
      ...operators,
      schema: {
        querystring: Filtered,
        response: { 200: Causes },
        operationId: 'listCauses',
        summary: 'Failed messages by cause, the most frequent first',
      },
    },
    async ({ query }) => {
      const groups = await countByCause(database, filterOf(query), CAUSES_MAX + 1)
      const missingQueues = [...missing].sort()
      return {
        groups: groups.slice(0, CAUSES_MAX).map(withNextStep).map(inPublic),
        areAll: groups.length <= CAUSES_MAX,
        missingQueues,
      }
    },
  )

  app.get(
    '/failed/count',
    {
      ...operators,
      schema: {
        querystring: Filtered,
        response: { 200: Counted },
        operationId: 'countFailures',
        summary: 'The number of failed messages, for actions on all of them',
      },
    },
    async ({ query }) => ({ count: await countFailures(database, { filter: filterOf(query) }) }),
  )

  app.get(
    '/failed/:id',
    {
      ...operators,
      schema: {
        params: ById,
        response: { 200: FailureView },
        problems: { 404: ['no_such_failure'] },
        operationId: 'getFailure',
        summary: 'A failed message, and what to do next',
      },
    },
    async ({ params: { id } }, reply) => {
      const shown = await show(id)
      return reply.header('etag', etagOf(shown)).send(shown)
    },
  )

  app.post(
    '/failed/:id/archive',
    {
      ...operators,
      schema: {
        params: ById,
        body: By,
        response: { 200: FailureView },
        problems: { 404: ['no_such_failure'], 409: ['wrong_state'] },
        operationId: 'archiveFailure',
        summary: 'Archive a failed message',
      },
    },
    async ({ params: { id }, body: by }) => {
      await act(acting, by, async (tx) => {
        const found = await foundIn(tx, id)
        if ((await archive(tx, { ids: [id] })) === 0) throw notWaiting(found)
        return { action: 'archive', about: { ids: [id], count: 1 }, result: undefined }
      })
      return show(id)
    },
  )

  app.post(
    '/failed/archive',
    {
      ...operators,
      schema: {
        body: Selected,
        response: { 200: Archived },
        problems: { 409: ['count_differs'] },
        operationId: 'archiveFailures',
        summary: 'Archive several failed messages',
      },
    },
    async ({ body: { operator, reason, expected, ...selected } }) => {
      const selection = selectionOf(selected)
      await act(acting, { operator, reason }, async (tx) => {
        const count = await archive(tx, selection)
        expectCount(count, expected)
        return { action: 'archive', about: { ...selection, count }, result: undefined }
      })
      return { archived: expected }
    },
  )

  app.put(
    '/failed/:id/body',
    {
      ...operators,
      bodyLimit: NEW_BODY_MAX_BYTES,
      schema: {
        params: ById,
        headers: Conditions,
        body: NewBody,
        response: { 200: FailureView },
        problems: {
          404: ['no_such_failure'],
          409: ['wrong_state'],
          412: ['precondition_failed'],
          422: ['undecodable', 'too_large', 'not_a_cloudevent', 'invalid_data', 'unknown_type', 'unknown_version'],
          428: ['precondition_required'],
        },
        operationId: 'putFailureBody',
        summary: 'Change the body; the contract must accept it. `If-Match` is the `ETag` of GET /failed/:id',
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const { operator, reason, text, base64 } = request.body
      const { headers } = request
      demandCondition(headers, 'send If-Match with the ETag of GET /failed/:id')
      if ((text === undefined) === (base64 === undefined))
        throw new RejectedError(400, 'invalid_input', 'send the body as text or as base64')
      const body = base64 === undefined ? Buffer.from(text ?? '') : Buffer.from(base64, 'base64')
      await act(acting, { operator, reason }, async (tx) => {
        const before = await foundIn(tx, id)
        demandUnchanged(headers, etagOf(before), 'this failure')
        const changed = await changeBody(tx, id, { ...edited(before, body, registry), revision: before.revision })
        if (!changed) throw notWaiting(before)
        return { action: 'change_body', about: { id, revision: before.revision + 1 }, result: undefined }
      })
      const shown = await show(id)
      return reply.header('etag', etagOf(shown)).send(shown)
    },
  )

  app.get(
    '/actions',
    {
      ...operators,
      schema: {
        querystring: ActionPage,
        response: { 200: Actions },
        operationId: 'listActions',
        summary: 'What operators did, and why; the newest first',
      },
    },
    async ({ query: { before, limit } }) => {
      const { entries, next } = await listEvents(database, {
        after: 0,
        before: before === undefined ? undefined : Number(before),
        type: actionTypes,
        newestFirst: true,
        limit: pageSizeOf({ limit }),
      })
      return { actions: entries.flatMap((entry) => actionIn(entry) ?? []), next }
    },
  )

  async function show(id: string) {
    const failure = await foundIn(database, id)
    const { body, original, properties, history, stack, words: _, root, ...told } = failure
    const failures = await failuresOf(database, root)
    const cameBackAs = failures.find(({ sentAgainOf }) => sentAgainOf === id)?.id
    return {
      ...inPublic(told),
      stack: withoutPrivate(stack),
      history: JSON.parse(withoutPrivate(history)),
      properties: maskedProperties(JSON.parse(properties)),
      body: maskedBytes(registry, body),
      original: original && maskedBytes(registry, original),
      failures: failures.map(inPublic),
      sentBy: senderIn(properties),
      nextStep: nextStepFor({ ...failure, sentBy: senderIn(properties), cameBackAs }),
    }
  }
}

/** @throws RejectedError 404 `no_such_failure` */
export async function foundIn(sql: Parameters<typeof findFailure>[0], id: string): Promise<Failure> {
  const found = await findFailure(sql, id)
  if (!found) throw new RejectedError(404, 'no_such_failure', `there is no failed message ${id}`)
  return found
}

const notWaiting = ({ state }: Failure) => new RejectedError(409, 'wrong_state', `the message is ${state}`)

const etagOf = ({ revision }: { revision: number }) => `"${revision}"`

/** An error text may repeat a person's address. */
const inPublic = <T extends { reason: string }>(told: T): T => ({ ...told, reason: withoutPrivate(told.reason) })

const withNextStep = (cause: Cause) => ({
  ...cause,
  nextStep: nextStepFor({ ...cause, state: 'waiting', cameBackAs: undefined }),
})
