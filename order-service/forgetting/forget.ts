// Removes the data about a customer that their keys did not encrypt, before order-service drops those keys.
//
// Promise: it may be repeated.
import type { Forgettable } from '@orders/shared/messaging'
import type { Database } from '@orders/shared/storage'
import { removeKeysOf } from './store.ts'

export const forgetterOf = (database: Database) => (all: readonly Forgettable[]) =>
  removeKeysOf(
    database,
    all.map(({ ownerId }) => ownerId),
  )
