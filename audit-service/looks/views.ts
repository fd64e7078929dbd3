// The schemas of HTTP answers that show personal data to an operator who gave a reason.
import { Type } from 'typebox'
import { Bytes } from '../failed/views.ts'

export const LookedEvent = Type.Object({
  sequence: Type.Integer(),
  id: Type.String(),
  type: Type.String(),
  subject: Type.String(),
  event: Type.Unknown({
    description: 'The CloudEvents envelope, decrypted if its keys exist',
  }),
})

export const LookedFailure = Type.Object({
  body: Bytes,
  kept: { ...Bytes, description: 'The bytes that a replay publishes; encrypted data in them stays encrypted' },
  original: Type.Union([Bytes, Type.Null()]),
  properties: Type.Unknown({ description: 'AMQP properties with headers' }),
})
