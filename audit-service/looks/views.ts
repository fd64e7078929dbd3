// What is shown over HTTP to an operator who has said why they look, as schemas.
import { Type } from 'typebox'
import { Bytes } from '../failed/views.ts'

export const LookedEvent = Type.Object({
  sequence: Type.Integer(),
  id: Type.String(),
  type: Type.String(),
  subject: Type.String(),
  event: Type.Unknown({
    description: 'the CloudEvents envelope, with what is sealed in it opened, as far as there are keys',
  }),
})

export const LookedFailure = Type.Object({
  body: Bytes,
  kept: { ...Bytes, description: 'the bytes that are sent again: what is sealed in them stays so' },
  original: Type.Union([Bytes, Type.Null()]),
  properties: Type.Unknown({ description: 'of AMQP, headers included' }),
})
