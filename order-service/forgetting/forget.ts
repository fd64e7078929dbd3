// What order-service does before it drops a customer's keys: what could not be encrypted by them is removed.
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
