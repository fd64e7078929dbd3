// What a service says of itself, so that a process can be made of it.
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

/** What a service's own wiring gets. */
export interface Wiring<Config> {
  config: Config
  database: Database
  broker: Broker
  /** Where the broker can be asked how it is; undefined where that is switched off. */
  management: Management | undefined
  commit: GroupCommit
  /** Sees to it that somebody has a key, before anything about them is said or stored. */
  openKey(ownerId: string): Promise<void>
  /** The data of events as people may read it: opened, as far as there are keys. */
  show: Personal['show']
  /** Seals what tells about somebody and crosses the broker beside what contracts mark. */
  crossing: Crossing
  /** Asks all services for what they hold of somebody. */
  gather: Gather
  auth: Auth
  parts: Parts
  log: Log
  now: () => Date
}

/** What a service's own wiring gives: what it hears, what it answers, what people may ask. */
export interface Wired {
  consumers: ConsumerOptions[]
  rpc?: { queue: string; prefetch: number; answerers: Answerer[] }
  /** What it does about keys besides keeping and dropping them. */
  keyHandlers?: Handler[]
  /** While the keys of whoever is to be forgotten are still there; it may be asked again. */
  forget?(all: readonly Forgettable[]): Promise<void>
  /** What it takes from queues to keep it, of others too. */
  keeping?: readonly Keeping[]
  /** Those before its outside systems: shown as metrics. */
  breakers?: WatchedBreaker[]
  /** What it tells of its own state: shown as metrics too. */
  gauges?: OwnGauges[]
  /** Those it sets itself by the broker, and looks after in its own tables. */
  timers?: Timers[]
  /** Of what it holds of people, what only an opened service can read. */
  holdings?: Holdings
  /** Of these subjects those that have ended and were removed here for good, for services that keep something of them too. */
  removed?(subjects: readonly string[]): Promise<readonly string[]>
  /** What it removes by a way of its own. */
  sweep?(): Promise<void>
  routes(app: HttpServer): Promise<void> | void
}

export interface ServiceDefinition<Schema extends TObject = TObject> {
  /** One of the domain's services; also the CloudEvents source and the name of its database. */
  name: string
  domain: Domain
  summary: string
  /** What its routes are about, by the first part of their paths. */
  tags: Readonly<Record<string, string>>
  /** Its folder, which holds `migrations/` and `examples.json`. */
  folder: string
  config: Schema
  /** Each of them, but for the kernel's own: how it comes back, and how long it is kept. */
  tables?: Tables
  /** What it holds of people, of each of its tables; without it, none tells of anybody. */
  holdings?: Holdings
  /**
   * Nobody waits for its answers: where the processors of a host are busy, it leaves them to those that somebody waits for
   * (nice(2), 0 to 19; default 0).
   */
  niceness?: number
  wire(wiring: Wiring<Readonly<Static<Schema>>>): Promise<Wired> | Wired
  /** How its database is rebuilt from the log; nothing can be told of one that keeps the log itself. */
  recall?(recalling: Recalling<Readonly<Static<Schema>>>): Promise<Recall> | Recall
}
