// What the kernel asks of the service that keeps the audit log: how far each service has come, and what happened.
import { type Static, Type } from 'typebox'
import type { RpcContract } from './contract.ts'

export const MarksAsked = Type.Object({ service: Type.String({ minLength: 1, maxLength: 64 }) })
export const Marks = Type.Object({
  marks: Type.Array(Type.Object({ epoch: Type.String(), last: Type.Integer({ minimum: 0 }) }), {
    description: 'For each epoch of the service’s database, the highest number of a stored message',
  }),
})

const Position = Type.Object({ subject: Type.Integer({ minimum: 0 }), sequence: Type.Integer({ minimum: 0 }) })
export const HistoryAsked = Type.Object({ after: Position })
export const History = Type.Object({
  events: Type.Array(
    Type.Object({
      subject: Type.Integer({ description: 'The same for all events about one subject' }),
      sequence: Type.Integer(),
      body: Type.String({ description: 'As it was published' }),
    }),
  ),
  keys: Type.Array(
    Type.Object({
      keyId: Type.String(),
      ownerId: Type.String(),
      wrapped: Type.Union([Type.String(), Type.Null()], { description: 'null if the owner is forgotten' }),
      masterId: Type.String(),
      createdAt: Type.String(),
      keptAt: Type.String(),
      forgottenAt: Type.Union([Type.String(), Type.Null()]),
    }),
    { description: 'The keys, wrapped by the master key, that decrypt personal data in the events' },
  ),
  next: Type.Union([Position, Type.Null()], { description: 'Position at which the next page begins; null at the end' }),
})
export type History = Static<typeof History>

export interface LogContracts {
  marks: RpcContract<Static<typeof MarksAsked>, Static<typeof Marks>>
  /** Subject by subject, each with all its events in the order in which they were stored. */
  history: RpcContract<Static<typeof HistoryAsked>, History>
}
