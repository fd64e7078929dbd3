// What is shown of queues over HTTP, as a schema.
import { Type } from 'typebox'

const Text = Type.Union([Type.String(), Type.Null()])

export const QueuesView = Type.Object({
  why: Type.Union([Type.String(), Type.Null()], { description: 'why nothing is known of them; null while it is' }),
  at: Type.Union([Type.String(), Type.Null()], { description: 'when they were like this' }),
  queues: Type.Array(
    Type.Object({
      queue: Type.String(),
      service: Type.String({ description: 'that takes from it' }),
      messages: Type.Integer({ description: 'in it, those under way included' }),
      unacknowledged: Type.Integer({ description: 'under way' }),
      consumers: Type.Integer(),
      inPerSecond: Type.Number({ description: 'published lately, as the broker counts them' }),
      outPerSecond: Type.Number({ description: 'acknowledged lately' }),
      oldestSeconds: Type.Union([Type.Integer(), Type.Null()], { description: 'age of the oldest message' }),
      oldestBy: Type.Union([Type.Literal('said'), Type.Literal('watched'), Type.Null()], {
        description:
          '`said`: since its message was said, by the timestamp that the broker tells; `watched`: it has waited at least so long, as audit-service has seen (quorum queues tell no timestamp)',
      }),
      backsUp: Type.Union([Type.Literal('no_consumer'), Type.Literal('too_slow'), Type.Null()]),
      nextStep: Text,
    }),
  ),
})
