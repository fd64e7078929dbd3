// The keys of one person, as plain data. After the person is forgotten, only the ids of their keys remain, which decrypt
// nothing.

export interface PersonalKey {
  keyId: string
  /** Null once the owner is forgotten. */
  wrapped: string | null
  masterId: string
  /** RFC 3339, like all times here. */
  createdAt: string
  /** When this service stored it. */
  keptAt: string
  forgottenAt: string | null
}

/** The key that encrypts: the oldest one left, in case several services have created one. */
export function sealing<Key extends PersonalKey>(keys: readonly Key[]): Key | undefined {
  return keys
    .filter(({ wrapped }) => wrapped !== null)
    .sort((one, other) => (one.createdAt + one.keyId < other.createdAt + other.keyId ? -1 : 1))[0]
}

/** Adds a key that another service created. A forgotten key stays forgotten, however late its event comes. */
export function learnt(keys: readonly PersonalKey[], key: PersonalKey): readonly PersonalKey[] {
  return keys.some(({ keyId }) => keyId === key.keyId) ? keys : [...keys, key]
}

interface Forgetting {
  keyIds: readonly string[]
  /** When forgetting was requested. */
  at: string
  now: string
}

/**
 * Deletes the named keys and all created by then. A named key that has not arrived is marked as forgotten, so that it is
 * refused later.
 */
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
