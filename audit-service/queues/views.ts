// The schema of the HTTP answer about queues.
import { Type } from 'typebox'

const Text = Type.Union([Type.String(), Type.Null()])

export const QueuesView = Type.Object({
  why: Type.Union([Type.String(), Type.Null()], { description: 'Why the queues are unknown; null if they are known' }),
  at: Type.Union([Type.String(), Type.Null()], { description: 'The time of these numbers' }),
  queues: Type.Array(
    Type.Object({
      queue: Type.String(),
      service: Type.String({ description: 'The service that consumes it' }),
      messages: Type.Integer({ description: 'Messages in it, with the unsettled ones' }),
      unacknowledged: Type.Integer({ description: 'Unsettled deliveries' }),
      consumers: Type.Integer(),
      inPerSecond: Type.Number({ description: 'Recent rate of publishing, as the broker counts it' }),
      outPerSecond: Type.Number({ description: 'Recent rate of acks' }),
      oldestSeconds: Type.Union([Type.Integer(), Type.Null()], { description: 'Age of the oldest message' }),
      oldestBy: Type.Union([Type.Literal('said'), Type.Literal('watched'), Type.Null()], {
        description:
          '`said`: since its publication, by the timestamp that the broker returns. `watched`: at least so long, as audit-service has observed (quorum queues return no timestamp)',
      }),
      backsUp: Type.Union([Type.Literal('no_consumer'), Type.Literal('too_slow'), Type.Null()]),
      nextStep: Text,
    }),
  ),
})
