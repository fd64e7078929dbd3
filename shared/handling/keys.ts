// What a service hears of keys, and does about them: it keeps those it is told of, and drops those of whoever is to be forgotten.
// That they are gone from the files as well is said by erasing.ts.
import type { GroupCommit } from '../commit/group-commit.ts'
import { about } from '../commit/work.ts'
import type { Received } from '../contracts/definition/contract.ts'
import { KeyAdded, KeysForgetRequested, KeysForgotten } from '../contracts/definition/keys.ts'
import type { Registry } from '../contracts/definition/registry.ts'
import { decode } from '../messaging/envelope.ts'
import type { Arrived } from '../messaging/publishable.ts'
import type { Crossing } from '../personal/crossing.ts'
import { forgotten, learnt, opened, type PersonalKey } from '../personal/keys.ts'
import { personalKeys } from '../personal/store.ts'
import type { Vault } from '../personal/vault.ts'
import type { Patience } from '../retries/recoverability.ts'
import type { Database } from '../storage/index.ts'
import { owned } from '../storage/state.ts'
import { KEYS_PATTERN, keysQueueOf } from '../topology/queues.ts'
import { erasureId, erasures } from './erasing.ts'
import { type Handler, on, onMany } from './handler.ts'
import type { ConsumerOptions } from './kernel.ts'
import { together } from './together.ts'

/** Somebody who is to be forgotten, as far as whoever asks knows them. */
export interface Forgettable {
  ownerId: string
  names: readonly string[]
  /** What is about them. */
  subjects: readonly string[]
}

interface Parts {
  service: string
  registry: Registry
  vault: Vault
  crossing: Crossing
  /** What else the service hears of keys. */
  handlers?: Handler[] | undefined
  /** What is to be done while the keys are still there; it may be done again. */
  forget?: ((all: readonly Forgettable[]) => Promise<void>) | undefined
}

/** What is owed to whoever is to be forgotten. */
const UNTIL_DONE: Patience = { waitsMs: [1_000, 5_000, 15_000, 30_000] }

export function keysConsumer({ service, registry, vault, crossing, handlers = [], forget }: Parts): ConsumerOptions {
  const forgetOne = forget && together(forget)

  /** None where what they were encrypted by is dropped: then all was done before. */
  async function namesIn(sealed: string | undefined): Promise<string[]> {
    const text = sealed === undefined ? '' : await crossing.open(sealed)
    // The cast is the edge to the service that has asked.
    return text === '' ? [] : (JSON.parse(text) as string[])
  }

  /** A key is at hand from here on, so that what is sealed by it need not wait until it is kept. */
  function decoded(delivery: Arrived): Received {
    const event = decode(registry, delivery)
    if (event.type !== KeyAdded.type) return event
    // The cast is the decoding edge: the contract's schema has accepted it.
    const data = event.data as Parameters<typeof KeyAdded.of>[2]
    if (!vault.isAtHand(data.keyId)) vault.hear({ ...rowOf(data, event.time, event.time), ownerId: event.subject })
    return event
  }

  return {
    queue: keysQueueOf(service),
    decode: decoded,
    prefetch: 256,
    patterns: [KEYS_PATTERN],
    // Only who has asked wants to know who is forgotten.
    retired: handlers.some(({ type }) => type === KeysForgotten.type) ? [] : [KeysForgotten.type],
    logLevel: 'debug',
    handlers: [
      on(KeyAdded, personalKeys, {
        decide: ({ time, data }, keys = [], { now }) => learnt(keys, rowOf(data, time, now)),
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

const rowOf = (data: Pick<PersonalKey, 'keyId' | 'wrapped' | 'masterId'>, createdAt: string, keptAt: string) => ({
  ...data,
  createdAt,
  keptAt,
  forgottenAt: null,
})

/** Sees to it that somebody has a key before anything is said or stored about them; where nothing is sealed, nobody needs one. */
export function keyOpener(vault: Vault, database: Database, commit: Pick<GroupCommit, 'submit'>, now: () => Date) {
  return async (ownerId: string): Promise<void> => {
    if (!vault.isSealing) return
    await vault.fetchFor(database, [ownerId])
    if (typeof vault.sealingFor(ownerId) === 'object') return
    const at = now().toISOString()
    await commit.submit(
      about(personalKeys, ownerId, (keys = []) => ({ ...opened(ownerId, keys, vault.make(at)), result: undefined })),
    )
    await vault.fetchAnew(database, [ownerId])
  }
}
