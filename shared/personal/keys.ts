// The keys of one person, as plain data. Whoever is forgotten keeps the names of their keys, and nothing that opens anything.
import type { Message } from '../contracts/definition/contract.ts'
import { KeyAdded } from '../contracts/definition/keys.ts'

export interface PersonalKey {
  keyId: string
  /** Null once they are forgotten. */
  wrapped: string | null
  masterId: string
  /** RFC 3339, as are all the times. */
  createdAt: string
  /** By this service. */
  keptAt: string
  forgottenAt: string | null
}

export interface KeyDecision {
  /** Undefined: nothing is new. */
  state?: readonly PersonalKey[]
  messages: Message[]
}

/** The one that seals: the oldest of those that are left, should several services have made one. */
export function sealing<Key extends PersonalKey>(keys: readonly Key[]): Key | undefined {
  return keys
    .filter(({ wrapped }) => wrapped !== null)
    .sort((one, other) => (one.createdAt + one.keyId < other.createdAt + other.keyId ? -1 : 1))[0]
}

/** Somebody who has no key, or is back after they were forgotten, gets `fresh`. */
export function opened(ownerId: string, keys: readonly PersonalKey[], fresh: PersonalKey): KeyDecision {
  if (sealing(keys)) return { messages: [] }
  const { keyId, wrapped, masterId, createdAt } = fresh
  const data = { keyId, wrapped: wrapped ?? '', masterId }
  return { state: [...keys, fresh], messages: [KeyAdded.of(ownerId, createdAt, data, { detail: keyId })] }
}

/** A key that another service has made; one that is forgotten stays so, however late it comes. */
export function learnt(keys: readonly PersonalKey[], key: PersonalKey): KeyDecision {
  return keys.some(({ keyId }) => keyId === key.keyId) ? { messages: [] } : { state: [...keys, key], messages: [] }
}

interface Forgetting {
  keyIds: readonly string[]
  /** When it was asked for. */
  at: string
  now: string
}

/** Drops those that are named, and those from before; a name whose key has not come keeps that out. */
export function forgotten(keys: readonly PersonalKey[], { keyIds, at, now }: Forgetting): PersonalKey[] {
  const named = new Set(keyIds)
  const known = new Set(keys.map(({ keyId }) => keyId))
  const isOver = ({ keyId, createdAt }: PersonalKey) => named.has(keyId) || createdAt <= at
  return [
    ...keys.map((key) => (isOver(key) ? { ...key, wrapped: null, forgottenAt: key.forgottenAt ?? now } : key)),
    ...[...named]
      .filter((keyId) => !known.has(keyId))
      .map((keyId) => ({ keyId, wrapped: null, masterId: '', createdAt: at, keptAt: now, forgottenAt: now })),
  ]
}
