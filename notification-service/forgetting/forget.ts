// Prepares the forgetting of customers, before their keys are deleted. Open notifications to them are cancelled.
// Unencrypted data under their names or addresses is removed.
//
// Promise: this may be repeated. Finished steps are not done again.
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

/** How many are cancelled at a time, in one group commit or a few. */
const BATCH = 100

export function forgetterOf({ database, commit, now }: Parts) {
  /** A notification that has ended meanwhile cannot be cancelled, which is fine. */
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

/** The keys of their preferences, throttles and contacts. */
export const recipientsOf = ({ names, addresses }: KnownAs): string[] => [
  ...names.map(spelledKey),
  ...channels.flatMap((channel) => addresses[channel].map((address) => addressKey(channel, address))),
]
