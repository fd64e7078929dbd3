// Makes a customer's pseudonym, by which the other services know the customer, from `user` and a key that only order-service
// has.
import { createHmac, randomBytes } from 'node:crypto'
import { canonicalUser } from '@orders/shared/contracts'
import type { Database } from '@orders/shared/storage'
import { keptSecret } from './store.ts'

/** Every copy returns the same pseudonym for the same customer. */
export type CustomerIdOf = (user: string) => string

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'
const LENGTH = 26

/**
 * `cus_` and 130 bits of HMAC-SHA256 (RFC 2104) in the base32 alphabet of RFC 4648. Without the key, nobody can tell whose
 * pseudonym it is.
 */
export function pseudonyms(key: Buffer): CustomerIdOf {
  return (user) => {
    const digest = createHmac('sha256', key).update(canonicalUser(user)).digest()
    const letter = (index: number) => {
      const bit = index * 5
      const word = digest.readUInt16BE(bit >> 3)
      return LETTERS[(word >> (11 - (bit & 7))) & 31]
    }
    return `cus_${Array.from({ length: LENGTH }, (_, index) => letter(index)).join('')}`
  }
}

/** Each name as typed and in its canonical form, without duplicates. Other services may know the customer by either. */
export function spellingsOf(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => [name, canonicalUser(name)]))]
}

/** The copy that starts first makes the key. It is kept in the same database as the pseudonyms. */
export async function openPseudonyms(database: Database): Promise<CustomerIdOf> {
  const kept = await keptSecret(database, 'customers', () => randomBytes(32).toString('base64url'))
  return pseudonyms(Buffer.from(kept, 'base64url'))
}
