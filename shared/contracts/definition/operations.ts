// The operators' questions that the kernel answers for every service: its state, its waiting retries, and what it would do with
// a message. No service needs code of its own for this.
import { type Static, Type } from 'typebox'
import { operationsQueueOf } from '../../topology/queues.ts'
import { contractsOf } from './contract.ts'

const { rpc } = contractsOf('operations')

const NullableText = Type.Union([Type.String(), Type.Null()])
const Text = Type.Optional(Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$' }))

export const ServiceState = Type.Object({
  service: Type.String(),
  version: Type.String(),
  copy: Type.String({ description: 'Id of this copy of the service since its start' }),
  startedAt: Type.String(),
  faults: Type.Array(Type.String(), { description: 'Why the service is not ready; empty if it is ready' }),
  outboxRows: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Messages in the outbox, of all copies; null if the database does not answer',
  }),
  retries: Type.Array(
    Type.Object({
      type: Type.String(),
      count: Type.Integer(),
      oldest: Type.String(),
      unknown: Type.Optional(
        Type.Integer({ description: 'Those among them that only a newer version of the service can handle' }),
      ),
      why: Type.Optional(
        Type.Union([Type.String(), Type.Null()], {
          description: 'Why the one that was tried most often failed; null while none was tried',
        }),
      ),
    }),
    { description: 'Messages that wait for a retry, of all copies, by type; and since when the oldest has waited' },
  ),
  openBreakers: Type.Array(Type.String(), {
    description: 'Outside systems whose circuit breaker is open in this copy',
  }),
})
export type ServiceState = Static<typeof ServiceState>

export const Retry = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  subject: Type.String(),
  attempts: Type.Integer({ description: 'Attempts so far' }),
  dueAt: Type.String(),
  endsAt: NullableText,
  waitsFor: NullableText,
  code: Type.String(),
  why: Type.String(),
  keptAt: Type.String(),
  history: Type.Array(Type.Object({ at: Type.String(), attempt: Type.Integer(), error: Type.String() })),
})
export type Retry = Static<typeof Retry>

export const RetryFilter = Type.Object(
  {
    queue: Text,
    type: Text,
    subject: Text,
    after: Type.Optional(
      Type.String({ pattern: '^[0-9TZ:.-]{1,30}/[0-9a-f]{32}$', description: '`next` of the previous page' }),
    ),
    limit: Type.Optional(Type.String({ pattern: '^[1-9][0-9]{0,2}$' })),
  },
  { additionalProperties: false },
)
export type RetryFilter = Static<typeof RetryFilter>

export const Retries = Type.Object({ retries: Type.Array(Retry), next: NullableText })
export type Retries = Static<typeof Retries>
export const RetryId = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

export const Rehearsal = Type.Object({
  outcome: Type.Union([
    Type.Literal('decided', { description: 'It would be handled: `says` and `changes` show the result' }),
    Type.Literal('fails', { description: 'It would fail with `error`' }),
    Type.Literal('open', { description: 'The result depends on an outside call, which a rehearsal does not make' }),
  ]),
  says: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      subject: Type.String(),
      data: Type.Unknown(),
      isTask: Type.Boolean({ description: 'true: a task, which the service sends to itself' }),
    }),
  ),
  changes: Type.Array(Type.Object({ state: Type.String(), key: Type.String() })),
  open: Type.Union([Type.String(), Type.Null()], { description: 'The outside system that would be called' }),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String(), stack: Type.String() }), Type.Null()], {
    description: 'Why it would fail; of a question, also why it would be refused or dropped',
  }),
})
export type Rehearsal = Static<typeof Rehearsal>

/** Encrypted with the key of `CROSSING`, if there is one. */
const Crossing = (description: string) => Type.String({ description: `${description}; encrypted as one text` })

export const ExportRequest = Type.Object({
  ownerId: Type.String({ minLength: 1, maxLength: 200, description: 'The owner of the data' }),
  names: Crossing('The owner’s names outside the system, as JSON'),
  subjects: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 400 }), {
      minItems: 1,
      maxItems: 100,
      description:
        'Subjects about the owner, such as their orders. Missing: the request is for data found by the owner',
    }),
  ),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 2_000, description: '`next` of the previous page' })),
})
export type ExportRequest = Static<typeof ExportRequest>

export const ExportReply = Type.Object({
  page: Crossing('JSON with `records`, each with its `table`, and further `subjects` of the owner'),
  next: Type.Union([Type.String(), Type.Null()], { description: 'null after the last page' }),
})
export type ExportReply = Static<typeof ExportReply>

/** The questions of one service, in its queue of operators' questions. */
export function operationsOf(service: string) {
  const queue = operationsQueueOf(service)
  return {
    state: rpc('operations.state', {
      queue,
      summary: 'What is the state of this service?',
      request: Type.Object({}),
      reply: ServiceState,
    }),
    retries: rpc('operations.retries', {
      queue,
      summary: 'Which messages wait for a retry, and why?',
      request: RetryFilter,
      reply: Retries,
    }),
    hasten: rpc('operations.hasten', {
      queue,
      summary: 'Try one of them now.',
      request: RetryId,
      reply: Retry,
    }),
    giveUp: rpc('operations.give_up', {
      queue,
      summary: 'Give one of them up.',
      request: RetryId,
      reply: Retry,
    }),
    removed: rpc('operations.removed', {
      queue,
      summary: 'Which of these has the service removed because they expired?',
      request: Type.Object({ subjects: Type.Array(Type.String(), { maxItems: 1_000 }) }),
      reply: Type.Object({ subjects: Type.Array(Type.String()) }),
    }),
    rehearse: rpc('operations.rehearse', {
      queue,
      summary: 'What would happen to this message now?',
      request: Type.Object({
        queue: Type.String({ minLength: 1, maxLength: 255, description: 'The queue from which it would come' }),
        exchange: Type.String({ maxLength: 255 }),
        routingKey: Type.String({ maxLength: 255 }),
        body: Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'In base64' }),
        properties: Type.String({ description: 'AMQP properties with headers, as JSON' }),
      }),
      reply: Rehearsal,
    }),
    export: rpc('operations.export', {
      queue,
      summary: 'Which data about this person does the service store? One page of it.',
      request: ExportRequest,
      reply: ExportReply,
    }),
  }
}
