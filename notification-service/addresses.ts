// The schema of addresses in requests, made-up addresses for customers without one, and the canonical form of mail
// addresses.
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
 * `gayal` becomes `gayal@example.com`. A name that is no valid local part is converted to one. A hash distinguishes
 * names that look the same afterwards, so that no customer reads another's mail.
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

/**
 * The local part stays as typed, since only its own server interprets it. The domain becomes lower case and ASCII
 * (IDNA).
 */
export function canonicalEmail(text: string): string {
  const address = visible(text)
  const domain = mailDomainOf(address)
  // An address without a domain stays as it is. It is refused when it is sent to, at the latest.
  return domain === undefined ? address : `${address.slice(0, address.lastIndexOf('@'))}@${domain}`
}

/**
 * Removes invisible characters, which must not distinguish addresses: zero-width characters, direction marks, a byte
 * order mark.
 */
export function visible(text: string): string {
  return text.replace(/\p{Default_Ignorable_Code_Point}/gu, '').trim()
}
