// What the kernel asks of the service that keeps all events: how far each service has come, and what happened.
import { type Static, Type } from 'typebox'
import type { RpcContract } from './contract.ts'

export const MarksAsked = Type.Object({ service: Type.String({ minLength: 1, maxLength: 64 }) })
export const Marks = Type.Object({
  marks: Type.Array(Type.Object({ epoch: Type.String(), last: Type.Integer({ minimum: 0 }) }), {
    description: 'of each life of its database the highest number of a message that is kept',
  }),
})

const Position = Type.Object({ subject: Type.Integer({ minimum: 0 }), sequence: Type.Integer({ minimum: 0 }) })
export const HistoryAsked = Type.Object({ after: Position })
export const History = Type.Object({
  events: Type.Array(
    Type.Object({
      subject: Type.Integer({ description: 'the same for all events about one subject' }),
      sequence: Type.Integer(),
      body: Type.String({ description: 'as it was published' }),
    }),
  ),
  keys: Type.Array(
    Type.Object({
      keyId: Type.String(),
      ownerId: Type.String(),
      wrapped: Type.Union([Type.String(), Type.Null()], { description: 'null for whoever is forgotten' }),
      masterId: Type.String(),
      createdAt: Type.String(),
      keptAt: Type.String(),
      forgottenAt: Type.Union([Type.String(), Type.Null()]),
    }),
    { description: 'those that open what is sealed in the events, wrapped by the master key' },
  ),
  next: Type.Union([Position, Type.Null()], { description: 'where to go on; null at the end' }),
})
export type History = Static<typeof History>

export interface LogContracts {
  marks: RpcContract<Static<typeof MarksAsked>, Static<typeof Marks>>
  /** By subjects, of each all events in the order in which they were kept. */
  history: RpcContract<Static<typeof HistoryAsked>, History>
}
