// The schemas of HTTP answers about failed messages.
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
  { description: 'As text, or in base64 if it is not text' },
)

const summary = {
  id: Type.String(),
  state: State,
  queue: Type.String({ description: 'The queue in which the message was found' }),
  service: Type.String(),
  version: Type.String(),
  type: Type.String(),
  subject: Type.String({ description: 'Usually the id of the order' }),
  messageId: Type.String(),
  code: Type.String(),
  reason: Type.String(),
  place: Type.String({ description: 'The first line of the project’s own code in the stack' }),
  fingerprint: Type.String({ description: 'Identifies the cause' }),
  attempts: Type.Integer(),
  firstAt: Type.String(),
  failedAt: Type.String(),
  sentAgainOf: Nullable(Type.String({ description: 'The failed message whose replay failed as this one' })),
  resendId: Text,
}
export const Summaries = Type.Object({
  failed: Type.Array(Type.Object(summary)),
  next: Nullable(Type.String({ description: 'The `after` of the next page; null at the end' })),
})

export const Causes = Type.Object({
  groups: Type.Array(
    Type.Object({
      fingerprint: Type.String(),
      count: Type.Integer(),
      oldest: Type.String(),
      newest: Type.String(),
      example: Type.String({ description: 'The id of one of them' }),
      queue: Type.String(),
      service: Type.String(),
      type: Type.String(),
      code: Type.String(),
      reason: Type.String(),
      place: Type.String(),
      sentBy: Type.String({ description: 'The `app-id` of the example: the program that says it published it' }),
      nextStep: Type.String({ description: 'What to do about all of them' }),
    }),
  ),
  areAll: Type.Boolean({ description: 'false if there are more causes than the list shows' }),
  missingQueues: Type.Array(Type.String(), { description: 'Dead-letter queues that are missing at the broker' }),
})

export const Counted = Type.Object({ count: Type.Integer() })
export const Archived = Type.Object({ archived: Type.Integer() })

export const FailureView = Type.Object({
  ...summary,
  afterResend: Text,
  home: Nullable(Type.String({ description: 'The queue to which a replay publishes it' })),
  exchange: Type.String(),
  routingKey: Type.String(),
  stack: Type.String(),
  keptAt: Type.String(),
  revision: Type.Integer({ description: 'Number of changes of its body; its `ETag`' }),
  history: Type.Unknown({ description: 'For each attempt: when, and why it failed' }),
  properties: Type.Unknown({ description: 'AMQP properties. Foreign headers are masked like the body' }),
  body: { ...Bytes, description: 'With personal data masked; POST /failed/:id/look shows it' },
  original: Nullable(Bytes),
  failures: Type.Array(Type.Object(summary), { description: 'All failures of the same message' }),
  sentBy: Type.String({ description: 'Its `app-id`: the program that says it published it; empty if none does' }),
  nextStep: Type.String(),
})

export const RehearsalView = Type.Object({
  ...Rehearsal.properties,
  outcome: Type.Union([
    ...Rehearsal.properties.outcome.anyOf,
    Type.Literal('not_answering', { description: 'The service did not answer in time' }),
  ]),
  service: Type.String(),
  sentence: Type.String({ description: 'The result in words' }),
})

export const ReplayView = Type.Object({
  id: Type.String(),
  state: Type.String(),
  why: Text,
  operator: Type.String(),
  reason: Type.String(),
  selection: Type.Unknown({ description: 'Ids, or a filter' }),
  total: Type.Integer(),
  position: Type.Integer({ description: 'How many were handled so far' }),
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
  next: Nullable(Type.String({ description: 'The `after` of the next page; null at the end' })),
})

export const Actions = Type.Object({
  actions: Type.Array(
    Type.Object({
      sequence: Type.Integer({ description: 'Number of the event in the log' }),
      at: Type.String(),
      operator: Type.String(),
      reason: Type.String(),
      action: Type.String(),
      about: Type.Unknown({ description: 'The object of the action' }),
    }),
  ),
  next: Nullable(Type.Integer({ description: 'The `before` of the next page; null at the end' })),
})
