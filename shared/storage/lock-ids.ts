// Converts keys to ids of PostgreSQL's advisory locks: 64 bits of a hash, sorted, so that all transactions lock in the same
// order.
import { createHash } from 'node:crypto'

/**
 * The distinct ids in ascending order. They are sorted after hashing, so two keys with the same id cannot break the order. They
 * only wait for each other.
 */
export function lockIds(keys: string[]): bigint[] {
  const ids = new Set(keys.map((key) => createHash('sha256').update(key).digest().readBigInt64BE()))
  return [...ids].sort((one, other) => (one < other ? -1 : one > other ? 1 : 0))
}
