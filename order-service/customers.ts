// Who a customer is to the rest of the system: a pseudonym, made from `user` by a key that only order-service has.
import { createHmac, randomBytes } from 'node:crypto'
import { canonicalUser } from '@orders/shared/contracts'
import type { Database } from '@orders/shared/storage'
import { keptSecret } from './store.ts'

/** The same customer always has the same, whichever copy is asked. */
export type CustomerIdOf = (user: string) => string

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567'
const LENGTH = 26

/** `cus_` and 130 bits of HMAC-SHA256 (RFC 2104) in the alphabet of RFC 4648 base32: without the key nobody can tell whose it is. */
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

/** Each name as it was typed and in its one form, by which the other services may know it; each once. */
export function spellingsOf(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => [name, canonicalUser(name)]))]
}

/** The key is made once, by whichever copy starts first, and kept in the database that the pseudonyms are in. */
export async function openPseudonyms(database: Database): Promise<CustomerIdOf> {
  const kept = await keptSecret(database, 'customers', () => randomBytes(32).toString('base64url'))
  return pseudonyms(Buffer.from(kept, 'base64url'))
}
