// What notification-service does before it drops the keys of customers: whatever is still to be said to them is called off, and what it
// keeps of them that no key encrypts, by their names or their addresses, is removed.
//
// Promise: it may be repeated, and what has been done is not done again.
import { channels } from '@orders/shared/contracts'
import type { Forgettable, GroupCommit } from '@orders/shared/messaging'
import { asError, RejectedError } from '@orders/shared/runtime'
import { type Database, inText } from '@orders/shared/storage'
import { cancel } from '../holding/handlers.ts'
import { addressKey, spelledKey } from '../rules/preferences.ts'
import { type KnownAs, knownAs, openAmong, removeAll, withoutOwner } from './store.ts'

interface Parts {
  database: Database
  commit: Pick<GroupCommit, 'submit'>
  now: () => Date
}

/** Called off in one group, or a few. */
const BATCH = 100

export function forgetterOf({ database, commit, now }: Parts) {
  /** What has ended meanwhile has ended. */
  const callOff = async (id: string): Promise<void> => {
    await commit.submit(cancel(id, now().toISOString())).catch((thrown: unknown) => {
      const error = asError(thrown)
      if (!(error instanceof RejectedError)) throw error
    })
  }

  return async (all: readonly Forgettable[]): Promise<void> => {
    const ownerIds = all.map(({ ownerId }) => ownerId)
    const told = all.flatMap(({ names }) => names.map(inText))
    const known = await knownAs(database, ownerIds, told)
    const plain = await withoutOwner(database, known)
    const open = await openAmong(database, ownerIds, plain)
    for (let at = 0; at < open.length; at += BATCH) await Promise.all(open.slice(at, at + BATCH).map(callOff))
    await removeAll(database, { ownerIds, known, recipients: recipientsOf(known), plain })
  }
}

/** As preferences, and what an address was told lately, are kept. */
export const recipientsOf = ({ names, addresses }: KnownAs): string[] => [
  ...names.map(spelledKey),
  ...channels.flatMap((channel) => addresses[channel].map((address) => addressKey(channel, address))),
]
