// What a service says of itself so that its database can be rebuilt from the log.
import type { Received } from '../contracts/definition/contract.ts'
import type { Draft, Handler, Known, Ref } from '../messaging/index.ts'
import type { Database } from '../storage/index.ts'

/** One after the other, for all events of some subjects at a time: first what the service said, then what it heard. */
export type Pass = readonly (readonly Handler[])[]

/** What the service heard and has to ask the outside world about: it is handled again, unless that is decided. */
export interface Owed {
  queue: string
  type: string
  reads(event: Received, known: Known): readonly Ref[]
  isOwed(event: Received, draft: Draft): boolean
}

export interface Recall {
  /** Each goes over the whole log before the next begins. */
  passes: readonly Pass[]
  owed: readonly Owed[]
}

export interface Recalling<Config> {
  config: Config
  /** Empty, or as far as it still is; brought up to date. */
  database: Database
  /** Sees to it that somebody has a key, before anything about them is stored. */
  openKey(ownerId: string): Promise<void>
  now: () => Date
}
