// What every service answers to operators, whatever it does: how it is, what waits in it to be handled again, and what it would make
// of a message. No service writes a line for it.
import { type Static, Type } from 'typebox'
import { operationsQueueOf } from '../../topology/queues.ts'
import { contractsOf } from './contract.ts'

const { rpc } = contractsOf('operations')

const NullableText = Type.Union([Type.String(), Type.Null()])
const Text = Type.Optional(Type.String({ minLength: 1, maxLength: 400, pattern: '^[^\\u0000]+$' }))

export const ServiceState = Type.Object({
  service: Type.String(),
  version: Type.String(),
  copy: Type.String({ description: 'Of the service, since its start' }),
  startedAt: Type.String(),
  faults: Type.Array(Type.String(), { description: 'Why it is not ready; none when it is' }),
  outboxRows: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Recorded and not yet published, of all copies; null where the database does not answer',
  }),
  retries: Type.Array(Type.Object({ type: Type.String(), count: Type.Integer(), oldest: Type.String() }), {
    description: 'What waits to be handled again, of all copies, by type; since when the oldest',
  }),
  openBreakers: Type.Array(Type.String(), { description: 'Outside systems that this copy leaves alone for a while' }),
})
export type ServiceState = Static<typeof ServiceState>

export const Retry = Type.Object({
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
export type Retry = Static<typeof Retry>

export const RetryFilter = Type.Object(
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
export type RetryFilter = Static<typeof RetryFilter>

export const Retries = Type.Object({ retries: Type.Array(Retry), next: NullableText })
export type Retries = Static<typeof Retries>
export const RetryId = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

export const Rehearsal = Type.Object({
  outcome: Type.Union([
    Type.Literal('decided', { description: 'it would be handled: `says` and `changes` tell how' }),
    Type.Literal('fails', { description: 'with `error`' }),
    Type.Literal('open', { description: 'it asks outside, which a rehearsal does not' }),
  ]),
  says: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.String(),
      subject: Type.String(),
      data: Type.Unknown(),
      isTask: Type.Boolean({ description: 'to the service itself' }),
    }),
  ),
  changes: Type.Array(Type.Object({ state: Type.String(), key: Type.String() })),
  open: Type.Union([Type.String(), Type.Null()], { description: 'Who would be asked' }),
  error: Type.Union([Type.Object({ code: Type.String(), message: Type.String(), stack: Type.String() }), Type.Null()]),
})
export type Rehearsal = Static<typeof Rehearsal>

/** Sealed by the key of `CROSSING`, where there is one. */
const Crossing = (description: string) => Type.String({ description: `${description}; encrypted as one text` })

export const ExportRequest = Type.Object({
  ownerId: Type.String({ minLength: 1, maxLength: 200, description: 'Whose it is' }),
  names: Crossing('JSON: as the outside world names them'),
  subjects: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 400 }), {
      minItems: 1,
      maxItems: 100,
      description: 'What is about them, such as their orders; without it what is found by the owner is asked for',
    }),
  ),
  after: Type.Optional(Type.String({ minLength: 1, maxLength: 2_000, description: '`next` of the page before' })),
})
export type ExportRequest = Static<typeof ExportRequest>

export const ExportReply = Type.Object({
  page: Crossing('JSON: `records`, each with its `table`, and `subjects` that are theirs too'),
  next: Type.Union([Type.String(), Type.Null()], { description: 'Null after the last page' }),
})
export type ExportReply = Static<typeof ExportReply>

/** One service's, each in its queue of operators' questions. */
export function operationsOf(service: string) {
  const queue = operationsQueueOf(service)
  return {
    state: rpc('operations.state', {
      queue,
      summary: 'How is this service?',
      request: Type.Object({}),
      reply: ServiceState,
    }),
    retries: rpc('operations.retries', {
      queue,
      summary: 'What waits to be handled again, and why?',
      request: RetryFilter,
      reply: Retries,
    }),
    hasten: rpc('operations.hasten', {
      queue,
      summary: 'One of them is to be handled now.',
      request: RetryId,
      reply: Retry,
    }),
    giveUp: rpc('operations.give_up', {
      queue,
      summary: 'One of them is to be tried no more.',
      request: RetryId,
      reply: Retry,
    }),
    removed: rpc('operations.removed', {
      queue,
      summary: 'Which of these have ended, and were removed here since their time is over?',
      request: Type.Object({ subjects: Type.Array(Type.String(), { maxItems: 1_000 }) }),
      reply: Type.Object({ subjects: Type.Array(Type.String()) }),
    }),
    rehearse: rpc('operations.rehearse', {
      queue,
      summary: 'What would become of this message, if it came now?',
      request: Type.Object({
        queue: Type.String({ minLength: 1, maxLength: 255, description: 'That it would come from' }),
        exchange: Type.String({ maxLength: 255 }),
        routingKey: Type.String({ maxLength: 255 }),
        body: Type.String({ pattern: '^[A-Za-z0-9+/]*={0,2}$', description: 'In base64' }),
        properties: Type.String({ description: 'Of AMQP, headers included, as JSON' }),
      }),
      reply: Rehearsal,
    }),
    export: rpc('operations.export', {
      queue,
      summary: 'What is held here of this person? A page of it.',
      request: ExportRequest,
      reply: ExportReply,
    }),
  }
}
