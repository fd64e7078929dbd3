// Consumes events about personal keys: stores new keys, and deletes the keys of a person who is to be forgotten. erasing.ts
// then removes them from the files and publishes that they are gone.
import type { GroupCommit } from '../commit/group-commit.ts'
import type { Work } from '../commit/work.ts'
import type { Received } from '../contracts/definition/contract.ts'
import { KEYS_AT_ONCE, KeysAdded, KeysForgetRequested, KeysForgotten } from '../contracts/definition/keys.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import { decode } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import type { Crossing } from '../personal/crossing.ts'
import { forgotten, learnt, sealing } from '../personal/keys.ts'
import { type KeyRow, personalKeys } from '../personal/store.ts'
import type { Vault } from '../personal/vault.ts'
import type { Patience } from '../retries/recoverability.ts'
import type { Database } from '../storage/index.ts'
import { owned } from '../storage/state.ts'
import { KEYS_PATTERN, keysQueueOf } from '../topology/queues.ts'
import { erasureId, erasures } from './erasing.ts'
import { type Handler, onMany } from './handler.ts'
import type { ConsumerOptions } from './kernel.ts'
import { together } from './together.ts'

/** A person to be forgotten, as far as the requesting service knows them. */
export interface Forgettable {
  ownerId: string
  names: readonly string[]
  /** The subjects (such as order ids) of messages about the person. */
  subjects: readonly string[]
}

interface Parts {
  service: string
  registry: Registry
  vault: Vault
  crossing: Crossing
  /** The service's own handlers for events about keys. */
  handlers?: Handler[] | undefined
  /** What to do while the keys still exist. It may be called again for the same persons. */
  forget?: ((all: readonly Forgettable[]) => Promise<void>) | undefined
}

/** A request to forget is retried until it succeeds. */
const UNTIL_DONE: Patience = { waitsMs: [1_000, 5_000, 15_000, 30_000] }

export function keysConsumer({ service, registry, vault, crossing, handlers = [], forget }: Parts): ConsumerOptions {
  const forgetOne = forget && together(forget)

  /** Returns no names if the key that encrypted them is deleted: then the request was done before. */
  async function namesIn(sealed: string | undefined): Promise<string[]> {
    const text = sealed === undefined ? '' : await crossing.open(sealed)
    // Decoding edge: the requesting service wrote this text.
    return text === '' ? [] : (JSON.parse(text) as string[])
  }

  /** Makes new keys usable at once, so that a message encrypted with one need not wait until it is stored. */
  function decoded(delivery: Arrived): Received {
    const event = decode(registry, delivery)
    if (event.type !== KeysAdded.type) return event
    // Decoding edge: the contract's schema has accepted it.
    const { keys } = event.data as Parameters<typeof KeysAdded.of>[2]
    for (const key of keys) if (!vault.isAtHand(key.keyId)) vault.hear(rowOf(key, event.time, event.time))
    return event
  }

  return {
    queue: keysQueueOf(service),
    decode: decoded,
    prefetch: 256,
    patterns: [KEYS_PATTERN],
    // Only the service that requests forgetting handles `keys.forgotten`.
    retired: handlers.some(({ type }) => type === KeysForgotten.type) ? [] : [KeysForgotten.type],
    logLevel: 'debug',
    handlers: [
      onMany(KeysAdded, {
        reads: ({ data }) => data.keys.map(({ ownerId }) => owned(personalKeys, ownerId)),
        decide({ time, data }, draft, { now }) {
          for (const added of data.keys) {
            const { ownerId, ...key } = rowOf(added, time, now)
            draft.set(personalKeys, ownerId, learnt(draft.get(personalKeys, ownerId) ?? [], key))
          }
          return []
        },
      }),
      onMany(KeysForgetRequested, {
        patience: UNTIL_DONE,
        ask: async ({ subject: ownerId, data: { names, subjects = [] } }) =>
          void (await forgetOne?.({ ownerId, names: await namesIn(names), subjects })),
        reads: ({ subject: ownerId, data: { request } }) => [
          owned(personalKeys, ownerId),
          owned(erasures, erasureId({ ownerId, request })),
        ],
        decide({ subject: ownerId, time, data: { keyIds, request } }, draft, { now }) {
          const keys = draft.get(personalKeys, ownerId) ?? []
          draft.set(personalKeys, ownerId, forgotten(keys, { keyIds, at: time, now }))
          draft.set(erasures, erasureId({ ownerId, request }), { ownerId, request, isSaid: false })
          return []
        },
      }),
      ...handlers,
    ],
  }
}

type Added = Parameters<typeof KeysAdded.of>[2]['keys'][number]
const rowOf = (added: Added, createdAt: string, keptAt: string): KeyRow => {
  const { ownerId, keyId, wrapped, masterId } = added
  return { ownerId, keyId, wrapped, masterId, createdAt, keptAt, forgottenAt: null }
}

/**
 * Returns a function that makes sure a person has a key before data about them is published or stored. Does nothing if
 * encryption is off. People who come at the same moment share a commit and a message.
 */
export function keyOpener(vault: Vault, database: Database, commit: Pick<GroupCommit, 'submit'>, now: () => Date) {
  const openOne = together(async (ownerIds: readonly string[]) => {
    const all = [...new Set(ownerIds)]
    for (let first = 0; first < all.length; first += KEYS_AT_ONCE)
      await commit.submit(opening(all.slice(first, first + KEYS_AT_ONCE), vault, now().toISOString()))
    await vault.fetchAnew(database, all)
  })
  return async (ownerId: string): Promise<void> => {
    if (!vault.isSealing) return
    await vault.fetchFor(database, [ownerId])
    if (typeof vault.sealingFor(ownerId) !== 'object') await openOne(ownerId)
  }
}

/** Gives a new key to each person who has none, or who returns after being forgotten. */
function opening(ownerIds: readonly string[], vault: Vault, at: string): Work<void> {
  const fresh = ownerIds.map((ownerId) => ({ ownerId, key: vault.make(at) }))
  return {
    reads: () => ownerIds.map((ownerId) => owned(personalKeys, ownerId)),
    decide(draft) {
      const added = fresh.filter(({ ownerId }) => !sealing(draft.get(personalKeys, ownerId) ?? []))
      for (const { ownerId, key } of added)
        draft.set(personalKeys, ownerId, [...(draft.get(personalKeys, ownerId) ?? []), key])
      const keys = added.map(({ ownerId, key: { keyId, wrapped, masterId } }) => ({
        ownerId,
        keyId,
        wrapped: wrapped ?? '',
        masterId,
      }))
      const [first] = keys
      return { result: undefined, messages: first ? [KeysAdded.of(first.keyId, at, { keys })] : [] }
    },
  }
}
