// What services tell each other about the keys of those whom personal data is about. They are the kernel's own, and of every domain.
import { Type } from 'typebox'
import { contractsOf } from './contract.ts'

const { event } = contractsOf('keys')

/** Whom a key belongs to is the subject: whatever the contracts of the domain name as the owner of personal data. */
export const KeyAdded = event('keys.added', {
  summary: 'Somebody has a key from now on, wrapped by the master key.',
  data: Type.Object({
    keyId: Type.String({ pattern: '^[A-Za-z0-9_-]{16}$' }),
    wrapped: Type.String({ minLength: 1, maxLength: 200, description: 'AES-256-KW (RFC 3394), as base64url' }),
    masterId: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'names the master key, and tells nothing of it',
    }),
  }),
})

export const KeysForgetRequested = event('keys.forget_requested', {
  summary: 'Somebody is to be forgotten: every service drops their keys.',
  data: Type.Object({
    request: Type.String({ minLength: 1, maxLength: 64 }),
    keyIds: Type.Array(Type.String({ minLength: 1, maxLength: 64 }), {
      maxItems: 1_000,
      description: 'those that the requesting service knows; one that comes later is not taken',
    }),
    names: Type.Optional(
      Type.String({ description: 'JSON, encrypted by one of these keys: as the outside world names them' }),
    ),
    subjects: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 400 }), {
        maxItems: 10_000,
        description: 'what is about them, such as their orders: the newest',
      }),
    ),
  }),
})

export const KeysForgotten = event('keys.forgotten', {
  summary: 'One service, which is the subject, has dropped the keys of all these, in its files too.',
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

export const keyContracts = [KeyAdded, KeysForgetRequested, KeysForgotten]
