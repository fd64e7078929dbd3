// What audit-service shows over HTTP, as schemas.
import { Type } from 'typebox'

const Nullable = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) => Type.Union([schema, Type.Null()])
const Sequences = Type.Array(Type.Integer(), { description: 'of events whose id came with another body too' })
const Out = Type.Integer({ description: 'up to this sequence bodies are in archives alone; 0 for none' })
const Next = Nullable(Type.Integer({ description: 'the `after` of the next page; null at the end' }))

const gap = {
  missing: Type.Array(Type.String(), { description: 'any one of these would close it' }),
  after: Nullable(Type.String({ description: 'what should have been followed' })),
  since: Type.String(),
  sinceMs: Type.Number(),
  status: Type.Union([Type.Literal('held'), Type.Literal('waiting'), Type.Literal('missing'), Type.Literal('failed')]),
  overdueAt: Type.String({ description: 'when it becomes missing, or became so' }),
  held: Type.Optional(Type.Object({ until: Type.String(), because: Type.String() })),
}

export const StoryView = Type.Object({
  orderId: Type.String(),
  ended: Nullable(Type.Union([Type.Literal('completed'), Type.Literal('cancelled')])),
  startedAt: Type.String(),
  durationMs: Type.Number({ description: 'until the order ended, or so far' }),
  entries: Type.Array(
    Type.Object({
      id: Type.String(),
      time: Type.String(),
      afterMs: Type.Number({ description: 'since the story began' }),
      service: Type.String(),
      type: Type.String(),
      sentence: Type.String(),
    }),
  ),
  gaps: Type.Array(Type.Object(gap)),
  conflicts: Sequences,
  next: Next,
  archived: Type.Array(Type.String(), {
    description: 'files that hold earlier events of this order; then no gaps are told',
  }),
})

export const Events = Type.Object({
  events: Type.Array(
    Type.Object({
      sequence: Type.Integer({ description: 'counts from 1, without holes' }),
      id: Type.String(),
      type: Type.String(),
      subject: Type.String(),
      source: Type.String(),
      time: Type.String(),
      receivedAt: Type.String(),
      causationId: Nullable(Type.String()),
      traceId: Nullable(Type.String({ description: 'of W3C Trace Context: what was done in one request has one' })),
      hash: Type.String({ description: 'its leaf in the Merkle tree' }),
      conflict: Type.Boolean({ description: 'its id came with another body too' }),
      sentence: Type.Optional(Type.String()),
      event: Type.Optional(
        Type.Unknown({
          description: 'the CloudEvents envelope, with personal data masked: POST /audit/events/:sequence/look',
        }),
      ),
      ofCustomer: Type.Optional(Type.Boolean({ description: 'with `customer`: whether it is about them' })),
      body: Type.Optional(Type.String({ description: 'with `bodies`: the text that was kept, in place of both' })),
    }),
  ),
  next: Next,
  kept: Type.Integer({ description: 'how many events there are in all' }),
  archived: Out,
})

export const Checked = Type.Object({
  ok: Type.Boolean(),
  events: Type.Integer({ description: 'how many are as they were kept' }),
  size: Type.Integer({ description: 'of the tree that is signed' }),
  rootHash: Nullable(Type.String({ description: 'of that tree, in base64' })),
  checkpoint: Nullable(Type.String({ description: 'a C2SP signed note' })),
  brokenAt: Type.Optional(Type.Integer({ description: 'the sequence where it breaks' })),
  why: Type.Optional(Type.String()),
  archived: Out,
  conflicts: Sequences,
})

export const GapsView = Type.Object({
  gaps: Type.Array(
    Type.Object({
      ...gap,
      orderId: Type.String(),
      service: Type.String({ description: 'that should have said what is missing' }),
      nextStep: Nullable(Type.String({ description: 'the request that helps' })),
    }),
  ),
  hops: Type.Array(
    Type.Object({
      hop: Type.String({ description: 'what goes before and what is missing, the same for every order' }),
      count: Type.Integer(),
      oldest: Type.String({ description: 'when the oldest became overdue' }),
      status: Type.String({ description: '`missing`, or `failed` where customers could not be told' }),
      nextStep: Nullable(Type.String({ description: 'the request that helps with all of them' })),
    }),
  ),
  next: Nullable(Type.String({ description: 'the `after` of the next page; null at the end' })),
  behind: Type.Integer({ description: 'events that were kept and not looked at yet' }),
})
