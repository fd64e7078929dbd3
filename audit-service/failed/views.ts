// What is shown of failed messages over HTTP, as schemas.
import { Rehearsal } from '@orders/shared/messaging'
import { Type } from 'typebox'

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const Text = Nullable(Type.String())
const State = Type.Union([
  Type.Literal('waiting'),
  Type.Literal('sending'),
  Type.Literal('sent_again'),
  Type.Literal('archived'),
])
export const Bytes = Type.Object(
  { text: Type.Optional(Type.String()), base64: Type.Optional(Type.String()) },
  { description: 'as text, or where it is none in base64' },
)

const summary = {
  id: Type.String(),
  state: State,
  queue: Type.String({ description: 'where it was found' }),
  service: Type.String(),
  version: Type.String(),
  type: Type.String(),
  subject: Type.String({ description: 'the order, mostly' }),
  messageId: Type.String(),
  code: Type.String(),
  reason: Type.String(),
  place: Type.String({ description: 'the first line of ours in the stack' }),
  fingerprint: Type.String({ description: 'of its cause' }),
  attempts: Type.Integer(),
  firstAt: Type.String(),
  failedAt: Type.String(),
  sentAgainOf: Nullable(Type.String({ description: 'the failure that was sent again, and came back as this one' })),
  resendId: Text,
}
export const Summaries = Type.Object({
  failed: Type.Array(Type.Object(summary)),
  next: Nullable(Type.String({ description: 'the `after` of the next page; null at the end' })),
})

export const Causes = Type.Object({
  groups: Type.Array(
    Type.Object({
      fingerprint: Type.String(),
      count: Type.Integer(),
      oldest: Type.String(),
      newest: Type.String(),
      example: Type.String({ description: 'the id of one of them' }),
      queue: Type.String(),
      service: Type.String(),
      type: Type.String(),
      code: Type.String(),
      reason: Type.String(),
      place: Type.String(),
    }),
  ),
  areAll: Type.Boolean({ description: 'false where there are more causes than are listed' }),
  missingQueues: Type.Array(Type.String(), { description: 'dead-letter queues that the broker does not have' }),
})

export const Counted = Type.Object({ count: Type.Integer() })
export const Archived = Type.Object({ archived: Type.Integer() })

export const FailureView = Type.Object({
  ...summary,
  afterResend: Text,
  home: Nullable(Type.String({ description: 'the queue that it is sent again to' })),
  exchange: Type.String(),
  routingKey: Type.String(),
  stack: Type.String(),
  keptAt: Type.String(),
  revision: Type.Integer({ description: 'counts the changes of its body, and is its ETag' }),
  history: Type.Unknown({ description: 'each attempt: when, and why it failed' }),
  properties: Type.Unknown({ description: 'of AMQP; headers of others are masked like the body' }),
  body: { ...Bytes, description: 'with personal data masked: POST /failed/:id/look' },
  original: Nullable(Bytes),
  failures: Type.Array(Type.Object(summary), { description: 'all failures of the same message' }),
  nextStep: Type.String(),
})

export const RehearsalView = Type.Object({
  ...Rehearsal.properties,
  outcome: Type.Union([
    ...Rehearsal.properties.outcome.anyOf,
    Type.Literal('not_answering', { description: 'its service did not answer in time' }),
  ]),
  service: Type.String(),
  sentence: Type.String({ description: 'the same for people' }),
})

export const ReplayView = Type.Object({
  id: Type.String(),
  state: Type.String(),
  why: Text,
  operator: Type.String(),
  reason: Type.String(),
  selection: Type.Unknown({ description: 'ids or a filter' }),
  total: Type.Integer(),
  position: Type.Integer({ description: 'how many had their turn' }),
  stepEnd: Type.Integer(),
  stepSize: Type.Integer(),
  watchMs: Type.Integer(),
  watchUntil: Text,
  tolerated: Type.Integer(),
  ratePerSecond: Type.Integer(),
  createdAt: Type.String(),
  endedAt: Text,
  sent: Type.Integer(),
  failedAgain: Type.Integer(),
})
export const Replays = Type.Object({
  replays: Type.Array(ReplayView),
  next: Nullable(Type.String({ description: 'the `after` of the next page; null at the end' })),
})

export const Actions = Type.Object({
  actions: Type.Array(
    Type.Object({
      sequence: Type.Integer({ description: 'in the log' }),
      at: Type.String(),
      operator: Type.String(),
      reason: Type.String(),
      action: Type.String(),
      about: Type.Unknown({ description: 'what it was done to' }),
    }),
  ),
  next: Nullable(Type.Integer({ description: 'the `before` of the next page; null at the end' })),
})
