// From keys to PostgreSQL's advisory locks: 64 bits of a hash, sorted, so that every transaction locks in the same order.
import { createHash } from 'node:crypto'

/**
 * The distinct ids in ascending order. Sorted after hashing: two keys that share an id cannot break the order, they only
 * wait for each other.
 */
export function lockIds(keys: string[]): bigint[] {
  const ids = new Set(keys.map((key) => createHash('sha256').update(key).digest().readBigInt64BE()))
  return [...ids].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0))
}
