// What a service defines so that its database can be rebuilt from the audit log.
import type { Received } from '../contracts/definition/contract.ts'
import type { Draft, Handler, Known, Ref } from '../messaging/index.ts'
import type { Database } from '../storage/index.ts'

/**
 * Lists of handlers that run one after the other over each page of events: first for what the service said, then for what it
 * heard.
 */
export type Pass = readonly (readonly Handler[])[]

/** A message that needs an outside call. It is handled again, unless its outcome is known. */
export interface Owed {
  queue: string
  type: string
  reads(event: Received, known: Known): readonly Ref[]
  isOwed(event: Received, draft: Draft): boolean
}

export interface Recall {
  /** Each pass reads the whole log before the next begins. */
  passes: readonly Pass[]
  owed: readonly Owed[]
}

export interface Recalling<Config> {
  config: Config
  /** The database to rebuild: empty or incomplete, and migrated. */
  database: Database
  /** Makes sure a person has a key, before data about them is stored. */
  openKey(ownerId: string): Promise<void>
  now: () => Date
}
