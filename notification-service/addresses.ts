// The addresses that a request may name, by the words people use for them, and that of whoever named none.
import { createHash } from 'node:crypto'
import { isEmail, mailDomainOf } from '@orders/shared/contracts'
import { Type } from 'typebox'

export const Addresses = {
  email: Type.Optional(
    Type.String({ maxLength: 254, pattern: '^[^\\s@<>,;:"()\\u0000-\\u001f]+@[^\\s@<>,;:"()\\u0000-\\u001f]+$' }),
  ),
  phone: Type.Optional(Type.String({ pattern: '^\\+?[0-9 ()-]{3,30}$' })),
  push: Type.Optional(Type.String({ minLength: 1, maxLength: 2048, pattern: '^[^\\u0000]+$' })),
  webhook: Type.Optional(Type.String({ maxLength: 2048, pattern: '^https?://[^\\s\\u0000]+$' })),
}

/**
 * `gayal` is told at `gayal@example.com`. A name that is no valid local part is made one; the hash keeps apart what
 * looks the same afterwards, so that nobody reads another's mail.
 */
export function defaultAddress(user: string, domain: string): string {
  if (isEmail(user)) return canonicalEmail(user)
  if (/^[A-Za-z0-9][A-Za-z0-9_+-]*(\.[A-Za-z0-9_+-]+)*$/.test(user) && user.length <= 64) return `${user}@${domain}`
  const plain = user
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
  const words = plain.match(/[a-z0-9]+/g) ?? ['customer']
  const hash = createHash('sha256').update(user).digest('hex').slice(0, 8)
  return `${words.join('.').slice(0, 48)}-${hash}@${domain}`
}

/** The local part stays as it was typed, since it is its server's to read; the domain is lower case and ASCII (IDNA). */
export function canonicalEmail(text: string): string {
  const address = visible(text)
  const domain = mailDomainOf(address)
  // What has no domain stays as it is, and is refused where it is sent, if it was not before.
  return domain === undefined ? address : `${address.slice(0, address.lastIndexOf('@'))}@${domain}`
}

/** What nobody sees tells no two addresses apart: zero-width characters, marks of direction, a byte order mark. */
export function visible(text: string): string {
  return text.replace(/\p{Default_Ignorable_Code_Point}/gu, '').trim()
}
