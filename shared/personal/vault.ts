// The unwrapped keys in memory: a limited number of those used last, each for at most a minute.
//
// Promise: when one copy of a service deletes a key, no other copy uses it ten seconds later. A look at the table finds deleted
// keys. While looks fail, each key is read again after ten seconds.
import { randomBytes } from 'node:crypto'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Reader } from '../storage/index.ts'
import { type Secrets, secretsOf } from './cipher.ts'
import { type PersonalKey, sealing } from './keys.ts'
import type { Master } from './master.ts'
import { droppedSince, type KeyRow, keysById, keysOf } from './store.ts'

/** Undefined if the key is unknown here or wrapped by another master key. */
export type Found<T> = T | 'forgotten' | undefined

export interface Vault {
  /** Whether personal data is encrypted on writing. Encrypted data is decrypted in any case. */
  readonly isSealing: boolean
  /** Whether a key is in memory and need not be read. */
  isAtHand(keyId: string): boolean
  /** Reads the keys that are not in memory, in one statement. Returns undefined if there is nothing to read. */
  fetch(sql: Reader, keyIds: string[]): Promise<void> | undefined
  /** The same for the keys that encrypt data of these owners. */
  fetchFor(sql: Reader, ownerIds: string[]): Promise<void> | undefined
  /** Reads the keys of these owners even if some are in memory: they have just got a key. */
  fetchAnew(sql: Reader, ownerIds: string[]): Promise<void>
  /** The secrets to decrypt with. Call `fetch` first. */
  secrets(keyId: string): Found<Secrets>
  /** The key to encrypt with. Call `fetchFor` first. */
  sealingFor(ownerId: string): Found<{ keyId: string; secrets: Secrets }>
  /** Adds a key that was read from the table. */
  note(key: KeyRow): void
  /**
   * Adds a key that has just arrived and is not stored yet. If it is forgotten already it never will be, and no look would find
   * it.
   */
  hear(key: KeyRow): void
  drop(ownerIds: readonly string[]): void
  /** Removes keys that any copy has deleted. Call every few seconds. */
  look(sql: Reader, now: Date): Promise<void>
  /** Creates a new key. */
  make(now: string): PersonalKey
  /** For people: set once a key cannot be unwrapped. Data encrypted with it waits. */
  fault(): string | undefined
}

interface Options {
  master: Master
  isSealing: boolean
  log: Pick<Log, 'error'>
  random?: (bytes: number) => Buffer
}

const AT_HAND_MAX = 10_000
const AT_HAND_MS = 60_000
const UNSEEN_MS = 10_000
const LOOK_MS = 4_000
/** Longer than a commit takes and than clocks of two hosts differ. */
const LOOK_BACK_MS = 120_000
const KEY_BYTES = 32
const KEY_ID_BYTES = 12

const FOREIGN =
  'a key was wrapped by a master key that this service does not have: give all services the same MASTER_KEY'

export function createVault({ master, isSealing, log, random = randomBytes }: Options): Vault {
  let lookedMs = Number.NEGATIVE_INFINITY
  const keys = createRecent<{ ownerId: string; wrapped: string | null; secrets: Secrets | 'forgotten' }>(() => lookedMs)
  const owners = createRecent<string>(() => lookedMs)
  let fault: string | undefined

  function note({ keyId, ownerId, wrapped, masterId }: KeyRow, isKept = true): void {
    if (wrapped === null) return keys.set(keyId, { ownerId, wrapped, secrets: 'forgotten' })
    const before = keys.get(keyId)
    const key = before?.wrapped === wrapped ? before.secrets : unwrapped(wrapped, masterId)
    if (key) {
      // Also for a key that is not stored yet, since the handler that decrypts its message may store its data.
      if (!owners.isFresh(ownerId)) owners.set(ownerId, keyId)
      return keys.set(keyId, { ownerId, wrapped, secrets: key }, isKept)
    }
    if (fault === undefined) log.error({ masterId }, FOREIGN)
    fault = FOREIGN
  }

  function unwrapped(wrapped: string, masterId: string): Secrets | undefined {
    const key = master.unwrap(wrapped, masterId)
    return key && secretsOf(key)
  }

  function drop(ownerIds: readonly string[]): void {
    if (ownerIds.length === 0) return
    const gone = new Set(ownerIds)
    for (const ownerId of gone) owners.delete(ownerId)
    keys.deleteAll(({ ownerId }) => gone.has(ownerId))
  }

  async function readKeys(sql: Reader, keyIds: string[]): Promise<void> {
    for (const row of (await keysById.load(sql, keyIds)).values()) note(row)
  }

  async function readOwners(sql: Reader, ownerIds: string[]): Promise<void> {
    const rows = await keysOf(sql, ownerIds)
    for (const ownerId of new Set(rows.map((row) => row.ownerId))) {
      const key = sealing(rows.filter((row) => row.ownerId === ownerId))
      if (key) note(key)
      owners.set(ownerId, key?.keyId ?? 'forgotten')
    }
  }

  return {
    isSealing,
    isAtHand: keys.isFresh,
    fetch(sql, keyIds) {
      const missing = keyIds.filter((keyId) => !keys.isFresh(keyId))
      return missing.length === 0 ? undefined : readKeys(sql, missing)
    },
    fetchFor(sql, ownerIds) {
      const missing = ownerIds.filter((ownerId) => !owners.isFresh(ownerId) || !keys.isFresh(owners.get(ownerId) ?? ''))
      return missing.length === 0 ? undefined : readOwners(sql, [...new Set(missing)])
    },
    fetchAnew: readOwners,
    secrets: (keyId) => keys.get(keyId)?.secrets,
    sealingFor(ownerId) {
      const keyId = owners.get(ownerId)
      if (keyId === undefined || keyId === 'forgotten') return keyId
      const secrets = keys.get(keyId)?.secrets
      return secrets === undefined || secrets === 'forgotten' ? secrets : { keyId, secrets }
    },
    note: (key) => note(key),
    hear: (key) => note(key, false),
    drop,
    async look(sql, now) {
      const beganMs = performance.now()
      const since = new Date(now.getTime() - LOOK_BACK_MS).toISOString()
      drop(await droppedSince(sql, since))
      lookedMs = beganMs
    },
    make(now) {
      const keyId = random(KEY_ID_BYTES).toString('base64url')
      const wrapped = master.wrap(random(KEY_BYTES))
      return { keyId, wrapped, masterId: master.id, createdAt: now, keptAt: now, forgottenAt: null }
    },
    fault: () => fault,
  }
}

interface Looking {
  vault: Vault
  database: Reader
  log: Pick<Log, 'warn'>
  now: () => Date
}

/** The caller closes it. */
export function lookForDropped({ vault, database, log, now }: Looking) {
  const failed = (err: Error) => log.warn({ err }, 'cannot look for deleted keys')
  return lookEvery(LOOK_MS, () => vault.look(database, now()), failed)
}

/** A cache of recently set values; the oldest is evicted. */
function createRecent<Value>(lookedMs: () => number) {
  const values = new Map<string, { value: Value; setMs: number; isKept: boolean }>()
  return {
    get: (name: string) => values.get(name)?.value,
    isFresh(name: string): boolean {
      const found = values.get(name)
      if (!found) return false
      const seenMs = found.isKept ? Math.max(found.setMs, lookedMs()) : found.setMs
      return performance.now() < Math.min(found.setMs + AT_HAND_MS, seenMs + UNSEEN_MS)
    },
    set(name: string, value: Value, isKept = true) {
      values.delete(name)
      values.set(name, { value, setMs: performance.now(), isKept })
      const [oldest] = values.keys()
      if (values.size > AT_HAND_MAX && oldest !== undefined) values.delete(oldest)
    },
    delete: (name: string) => values.delete(name),
    deleteAll(isOver: (value: Value) => boolean) {
      for (const [name, { value }] of values) if (isOver(value)) values.delete(name)
    },
  }
}
