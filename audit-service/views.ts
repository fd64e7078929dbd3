// The schemas of audit-service's HTTP answers.
import { Type } from 'typebox'

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const Sequences = Type.Array(Type.Integer(), {
  description: 'Sequences of events whose id also arrived with another body',
})
const Out = Type.Integer({ description: 'Bodies up to this sequence are only in archives; 0 for none' })
const Next = Nullable(Type.Integer({ description: 'The `after` of the next page; null at the end' }))

const gap = {
  missing: Type.Array(Type.String(), { description: 'Any of these events closes the gap' }),
  after: Nullable(Type.String({ description: 'The event that should have been followed' })),
  since: Type.String(),
  sinceMs: Type.Number(),
  status: Type.Union([Type.Literal('held'), Type.Literal('waiting'), Type.Literal('missing'), Type.Literal('failed')]),
  overdueAt: Type.String({ description: 'When the event becomes or became overdue' }),
  held: Type.Optional(Type.Object({ until: Type.String(), because: Type.String() })),
}

export const StoryView = Type.Object({
  orderId: Type.String(),
  ended: Nullable(Type.Union([Type.Literal('completed'), Type.Literal('cancelled')])),
  startedAt: Type.String(),
  durationMs: Type.Number({ description: 'Until the end of the order, or until its last event so far' }),
  entries: Type.Array(
    Type.Object({
      id: Type.String(),
      time: Type.String(),
      afterMs: Type.Number({ description: 'Since the beginning of the story' }),
      service: Type.String(),
      type: Type.String(),
      sentence: Type.String(),
    }),
  ),
  gaps: Type.Array(Type.Object(gap)),
  conflicts: Sequences,
  next: Next,
  archived: Type.Array(Type.String(), {
    description: 'Files with earlier events of this order. If there are any, the story lists no gaps',
  }),
})

export const Events = Type.Object({
  events: Type.Array(
    Type.Object({
      sequence: Type.Integer({ description: 'Counts from 1, without gaps' }),
      id: Type.String(),
      type: Type.String(),
      subject: Type.String(),
      source: Type.String(),
      time: Type.String(),
      receivedAt: Type.String(),
      causationId: Nullable(Type.String()),
      traceId: Nullable(Type.String({ description: 'Id of the W3C trace of the request that led to the event' })),
      hash: Type.String({ description: 'Its leaf in the Merkle tree' }),
      conflict: Type.Boolean({ description: 'true: its id also arrived with another body' }),
      sentence: Type.Optional(Type.String()),
      event: Type.Optional(
        Type.Unknown({
          description: 'The CloudEvents envelope with personal data masked; POST /audit/events/:sequence/look shows it',
        }),
      ),
      ofCustomer: Type.Optional(
        Type.Boolean({ description: 'Only with `customer`: whether the event is about that customer' }),
      ),
      body: Type.Optional(Type.String({ description: 'Only with `bodies`, in place of both: the stored text' })),
    }),
  ),
  next: Next,
  kept: Type.Integer({ description: 'The number of stored events' }),
  archived: Out,
})

export const Checked = Type.Object({
  ok: Type.Boolean(),
  events: Type.Integer({ description: 'The number of verified events' }),
  size: Type.Integer({ description: 'Number of entries in the signed tree' }),
  rootHash: Nullable(Type.String({ description: 'Root of that tree, in base64' })),
  checkpoint: Nullable(Type.String({ description: 'A C2SP signed note' })),
  brokenAt: Type.Optional(Type.Integer({ description: 'The sequence of the first fault' })),
  why: Type.Optional(Type.String()),
  archived: Out,
  conflicts: Sequences,
})

export const GapsView = Type.Object({
  gaps: Type.Array(
    Type.Object({
      ...gap,
      orderId: Type.String(),
      service: Type.String({ description: 'The service that should have published the missing event' }),
      nextStep: Nullable(Type.String({ description: 'The request that helps' })),
    }),
  ),
  hops: Type.Array(
    Type.Object({
      hop: Type.String({ description: 'The event before the gap and the missing one, the same for every order' }),
      count: Type.Integer(),
      oldest: Type.String({ description: 'When the oldest became overdue' }),
      status: Type.String({ description: '`missing`; or `failed`: customers could not be notified' }),
      failed: Type.Integer({
        description: 'For so many of them, at most 1,000, the message to handle is a failed message: send it again',
      }),
      areAllFailed: Type.Boolean({
        description: 'Whether that is so for all, or for the 1,000 that are overdue longest',
      }),
      nextStep: Nullable(Type.String({ description: 'The request that helps with all of them' })),
    }),
  ),
  next: Nullable(Type.String({ description: 'The `after` of the next page; null at the end' })),
  behind: Type.Integer({ description: 'Stored events that the check for gaps has not read yet' }),
})
