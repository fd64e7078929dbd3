// The events about personal keys. They belong to the kernel and exist in every domain.
import { Type } from 'typebox'
import { contractsOf } from './contract.ts'

const { event } = contractsOf('keys')

/** People who come at the same moment get their keys in one message: each key alone would cost every service a delivery. */
export const KEYS_AT_ONCE = 200

export const KeysAdded = event('keys.added', {
  summary: 'These people have new keys, wrapped by the master key. The subject is the first key’s id.',
  data: Type.Object({
    keys: Type.Array(
      Type.Object({
        ownerId: Type.String({
          minLength: 1,
          maxLength: 400,
          description: 'The person, as the domain’s contracts name the owner of personal data',
        }),
        keyId: Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' }),
        wrapped: Type.String({ minLength: 1, maxLength: 200, description: 'AES-256-KW (RFC 3394), as base64url' }),
        masterId: Type.String({
          minLength: 1,
          maxLength: 64,
          description: 'Id of the master key; reveals nothing of the key',
        }),
      }),
      { minItems: 1, maxItems: KEYS_AT_ONCE },
    ),
  }),
})

export const KeysForgetRequested = event('keys.forget_requested', {
  summary: 'A person is to be forgotten: every service deletes their keys. The subject is the person.',
  data: Type.Object({
    request: Type.String({ minLength: 1, maxLength: 64 }),
    keyIds: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 1_000,
      description: 'The keys that the requesting service knows. A service that receives one of them later refuses it',
    }),
    names: Type.Optional(
      Type.String({ description: 'The person’s names outside the system, as JSON, encrypted by one of these keys' }),
    ),
    subjects: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 400 }), {
        maxItems: 10_000,
        description: 'The newest subjects about the person, such as their orders',
      }),
    ),
  }),
})

export const KeysForgotten = event('keys.forgotten', {
  summary: 'A service has deleted the keys of these people, also from its files. The subject is the service.',
  data: Type.Object({
    service: Type.String({ minLength: 1, maxLength: 200 }),
    forgotten: Type.Array(
      Type.Object({
        ownerId: Type.String({ minLength: 1, maxLength: 400 }),
        request: Type.String({ minLength: 1, maxLength: 64 }),
      }),
      { minItems: 1, maxItems: 1_000 },
    ),
  }),
})

export const keyContracts = [KeysAdded, KeysForgetRequested, KeysForgotten]
