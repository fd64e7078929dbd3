// What a service defines, so that the kernel can run it as a process.
import type { Static, TObject } from 'typebox'
import type { Domain } from '../contracts/definition/domain.ts'
import type { Auth } from '../http/auth.ts'
import type { HttpServer } from '../http/http.ts'
import type {
  Answerer,
  Broker,
  ConsumerOptions,
  Crossing,
  Forgettable,
  GroupCommit,
  Handler,
  Keeping,
  Management,
  Personal,
  Timers,
} from '../messaging/index.ts'
import type { Tables } from '../retention/tables.ts'
import type { WatchedBreaker } from '../runtime/breaker.ts'
import type { Log } from '../runtime/log.ts'
import type { Database } from '../storage/index.ts'
import type { Gather } from './gathering.ts'
import type { Holdings } from './holdings.ts'
import type { Parts } from './lifecycle.ts'
import type { OwnGauges } from './metrics.ts'
import type { Recall, Recalling } from './recall.ts'

/** What the kernel passes to a service's `wire`. */
export interface Wiring<Config> {
  config: Config
  database: Database
  broker: Broker
  /** The broker's management API; undefined if switched off. */
  management: Management | undefined
  commit: GroupCommit
  /** Makes sure a person has a key, before data about them is published or stored. */
  openKey(ownerId: string): Promise<void>
  /** The data of events for people, decrypted as far as the keys are there. */
  show: Personal['show']
  /** Encrypts personal data that crosses the broker outside the fields that contracts mark. */
  crossing: Crossing
  /** Asks all services for everything they store about a person. */
  gather: Gather
  auth: Auth
  parts: Parts
  log: Log
  now: () => Date
}

/** What a service's `wire` returns: what it hears, what it answers, and its HTTP routes. */
export interface Wired {
  consumers: ConsumerOptions[]
  rpc?: { queue: string; prefetch: number; answerers: Answerer[] }
  /** Handlers for events about keys, besides storing and deleting them. */
  keyHandlers?: Handler[]
  /** Called while the keys of persons to be forgotten still exist. May be called again for them. */
  forget?(all: readonly Forgettable[]): Promise<void>
  /** Queues whose deliveries it stores, also of other services. */
  keeping?: readonly Keeping[]
  /** The circuit breakers of its outside systems, shown as metrics. */
  breakers?: WatchedBreaker[]
  /** Further metrics of its own state. */
  gauges?: OwnGauges[]
  /** Timers that it sets in the broker and checks in its own tables. */
  timers?: Timers[]
  /** Personal data that only a running service can read out. */
  holdings?: Holdings
  /**
   * Returns those of the subjects that have ended and were removed here for good. Other services that store something about
   * them ask this.
   */
  removed?(subjects: readonly string[]): Promise<readonly string[]>
  /** Removes data that the kernel's sweeper does not. */
  sweep?(): Promise<void>
  routes(app: HttpServer): Promise<void> | void
}

export interface ServiceDefinition<Schema extends TObject = TObject> {
  /** One of the domain's services. Also the CloudEvents source and the name of its database. */
  name: string
  domain: Domain
  summary: string
  /** Describes its routes, by the first part of their paths. */
  tags: Readonly<Record<string, string>>
  /** Its folder, with `migrations/` and `examples.json`. */
  folder: string
  config: Schema
  /** All its tables except the kernel's: how each is restored, and how long its rows are kept. */
  tables?: Tables
  /** For each table, the personal data in it. Without it, no table holds any. */
  holdings?: Holdings
  /**
   * For a service for whose answers nobody waits: on a busy host it leaves the processors to the others (nice(2), 0 to 19;
   * default 0).
   */
  niceness?: number
  wire(wiring: Wiring<Readonly<Static<Schema>>>): Promise<Wired> | Wired
  /** How its database is rebuilt from the audit log. Absent for the service that keeps the log. */
  recall?(recalling: Recalling<Readonly<Static<Schema>>>): Promise<Recall> | Recall
}
