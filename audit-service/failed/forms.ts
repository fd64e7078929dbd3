// The schemas of requests about failed messages: filters, who asks and why.
import { Instant } from '@orders/shared/contracts'
import { RejectedError } from '@orders/shared/runtime'
import { type Static, Type } from 'typebox'
import type { Filter, Selection } from './store.ts'

// PostgreSQL cannot store U+0000 in a text.
const Text = Type.Optional(Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$' }))
const filters = {
  queue: Text,
  type: Text,
  subject: Type.Optional(
    Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$', description: 'The id of the order' }),
  ),
  fingerprint: Type.Optional(
    Type.String({ pattern: '^[0-9a-f]{16}$', description: 'The cause, as GET /failed/groups names it' }),
  ),
  state: Type.Optional(
    Type.Union(
      [
        Type.Literal('waiting'),
        Type.Literal('sending'),
        Type.Literal('sent_again'),
        Type.Literal('archived'),
        Type.Literal('any'),
      ],
      { description: 'Default: waiting' },
    ),
  ),
  text: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      pattern: '^[^\\u0000]+$',
      description: 'Text in its ids, its reason or the beginning of its body',
    }),
  ),
  from: Type.Optional({ ...Instant, description: 'Failed at this time or later' }),
  until: Type.Optional({ ...Instant, description: 'Failed before this time' }),
}
const Limit = Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' }))

export const Filtered = Type.Object(filters, { additionalProperties: false })
export const FilteredPage = Type.Object(
  {
    ...filters,
    after: Type.Optional(
      Type.String({ pattern: '^[0-9TZ:.-]{1,30}/[0-9a-f]{32}$', description: '`next` of the previous page' }),
    ),
    limit: Limit,
  },
  { additionalProperties: false },
)
export const ResendPage = Type.Pick(FilteredPage, ['after', 'limit'], { additionalProperties: false })
export const ActionPage = Type.Object(
  {
    before: Type.Optional(Type.String({ pattern: '^[0-9]{1,15}$', description: '`next` of the previous page' })),
    limit: Limit,
  },
  { additionalProperties: false },
)

export const Id = Type.String({ pattern: '^[0-9a-f]{32}$' })
export const ById = Type.Object({ id: Id })

const by = {
  operator: Type.String({
    minLength: 1,
    maxLength: 100,
    pattern: '^[^\\u0000-\\u001f\\u007f]+$',
    description: 'Your name. If your token has a name, that is used instead',
  }),
  reason: Type.String({
    minLength: 1,
    maxLength: 400,
    pattern: '^[^\\u0000-\\u001f\\u007f]+$',
    description: 'Why you do it',
  }),
}
export const By = Type.Object(by, { additionalProperties: false })
export const NewBody = Type.Object(
  {
    ...by,
    text: Type.Optional(Type.String()),
    base64: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$' })),
  },
  { additionalProperties: false },
)

const selected = {
  ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: 1_000, uniqueItems: true })),
  filter: Type.Optional(Filtered),
  expected: Type.Integer({
    minimum: 1,
    description: 'The number from GET /failed/count. If it has changed, the answer is 409',
  }),
}
export const Selected = Type.Object({ ...by, ...selected }, { additionalProperties: false })
export const NewResend = Type.Object(
  {
    ...by,
    ...selected,
    canary: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 100_000,
        description: 'How many are sent first, 1 by default. Each further step sends ten times as many',
      }),
    ),
    ratePerSecond: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_000, description: 'Messages a second, 100 by default' }),
    ),
    watchMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3_600_000,
        description:
          'How long the replay waits after each step for messages that fail again, in milliseconds; 5000 by default',
      }),
    ),
  },
  { additionalProperties: false },
)

export function filterOf({ state = 'waiting', from, until, ...filter }: Static<typeof Filtered>): Filter {
  return { ...filter, state: state === 'any' ? undefined : state, from: inUtc(from), until: inUtc(until) }
}

/** The form in which the database compares instants. */
const inUtc = (instant: string | undefined) => instant && new Date(instant).toISOString()

/** @throws RejectedError 400 `invalid_input` if it selects nothing in particular */
export function selectionOf({ ids, filter }: Pick<Static<typeof Selected>, 'ids' | 'filter'>): Selection {
  if ((ids === undefined) === (filter === undefined)) throw unclear('send either ids or a filter')
  if (ids) return { ids }
  if (!filter || Object.keys(filter).length === 0) throw unclear('the filter must have at least one field')
  return { filter: filterOf(filter) }
}

const unclear = (why: string) => new RejectedError(400, 'invalid_input', why)
