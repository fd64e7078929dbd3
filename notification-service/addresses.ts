// The addresses that a request may name, by the words people use for them.
import { Type } from 'typebox'

export const Addresses = {
  email: Type.Optional(
    Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;:"()\\u0000-\\u001f]+@[^\\s@<>,;:"()\\u0000-\\u001f]+$' }),
  ),
  phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
  push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, pattern: '^[^\\u0000]+$' })),
  webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s\\u0000]+$' })),
}
