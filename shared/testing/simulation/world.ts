// The world of a simulation: all services of a domain over one broker, in one process. Their processes start, die and start
// again. A question goes to a living process, or is refused.
import { join } from 'node:path'
import type { TObject } from 'typebox'
import type { Domain } from '../../contracts/definition/domain.ts'
import {
  type Broker,
  consume,
  createGroupCommit,
  createOutage,
  createOutbox,
  type DueRetries,
  type Handler,
  handleDue,
  type Kernel,
  keyOpener,
  keysConsumer,
  knownTo,
  type Outbox,
  openMaster,
  openPersonal,
  serve,
  startErasing,
  watchOverdue,
} from '../../messaging/index.ts'
import { readConfig } from '../../runtime/config.ts'
import type { ServiceDefinition, Wired, Wiring } from '../../service/definition.ts'
import { type Database, migrate } from '../../storage/index.ts'
import { createMemoryBroker, type MemoryBroker } from '../memory-broker.ts'
import { connectThrough } from './broker.ts'
import { createStore, openStore, type Store } from './database.ts'
import { createFaults, type Faults, ratesFor } from './faults.ts'
import { countingLog } from './log.ts'
import { createProcess, type Process } from './process.ts'
import { createRandom, type Random } from './random.ts'
import { createTally, type Tally } from './tally.ts'
import { createTime, type Time } from './time.ts'
import { createWitness, type Witness } from './witness.ts'

/** The parts of a service's wiring that a simulation uses. It has no HTTP: it calls the functions behind the routes. */
export type Heard = Pick<Wired, 'consumers' | 'rpc' | 'timers' | 'keyHandlers' | 'forget'>

export interface SimulatedService {
  name: string
  /** The folder with the service's migrations. */
  folder: string
  /** Called for each life of one of its processes. */
  wire(wiring: Wiring<object>, process: Process): Heard | Promise<Heard>
}

export interface WorldOptions {
  domain: Domain
  services: readonly SimulatedService[]
  /** The same seed, options and code give the same run. */
  seed: number
  /** The number of requests. With `weight`, which each request weighs, it decides how often processes die. */
  wishes: number
  weight?: number
  /** Processes of each service, over one database. */
  copies?: number
  /** Replaces a part by a faulty one, to test whether the checks notice. */
  tamper?: Tamper | undefined
}

/** Each function takes a correct part and returns a faulty one. */
export interface Tamper {
  broker?(broker: Broker, service: string): Broker
  database?(database: Database, service: string): Database
  outbox?(outbox: Outbox, service: string): Outbox
  handlers?(handlers: Handler[], queue: string): Handler[]
}

/** The surroundings of a world's services, also passed to the domain's own parts. */
export interface Ground<W extends Witness = Witness> {
  domain: Domain
  services: readonly SimulatedService[]
  time: Time
  faults: Faults
  tally: Tally
  random: Random
  memory: MemoryBroker
  witness: W
  store(service: string): Store
}

export interface World<W extends Witness = Witness> extends Ground<W> {
  seed: number
  wishes: number
  /** Starts every copy of every service. Copies that die start again by themselves. */
  start(): void
  /** Asks a living process of a service. Rejects if there is none, or if it dies before it answers. */
  ask<T>(service: string, question: (kernel: Asked) => Promise<T>): Promise<T>
}

/** A living process, as the routes of its service see it. */
export type Asked = Kernel & Pick<Wiring<object>, 'openKey'>

interface Living {
  process: Process
  kernel: Asked
}

const RETRY_LOOK_MS = 500
const MASTER_KEY = Buffer.alloc(32, 'simulated').toString('base64')
const RESTART_MEAN_MS = 200
/** Of a message that is consumed, decided, published and consumed again. */
const WEIGHT = 500
const OWN_MIGRATIONS = join(import.meta.dirname, '..', '..', 'storage', 'migrations')

/** A real service with fixed settings, read once for all its starts. */
export function simulated<Schema extends TObject>(
  { name, folder, config, wire }: ServiceDefinition<Schema>,
  environment: Record<string, string> = {},
): SimulatedService {
  const settings = readConfig(config, environment)
  return { name, folder, wire: (wiring) => wire({ ...wiring, config: settings } as never) }
}

/** Takes over Node's timers until the caller releases them (`time.release`). */
export function createWorld(options: WorldOptions): World
export function createWorld<W extends Witness>(options: WorldOptions, witness: W): World<W>
export function createWorld(options: WorldOptions, witness: Witness = createWitness()): World {
  const { domain, services, seed, wishes, weight = WEIGHT, copies = 1, tamper = {} } = options
  const { registry, topology } = domain
  const time = createTime()
  time.seize(createRandom(seed, 'jitter').next)
  const tally = createTally()
  const faults = createFaults(createRandom(seed, 'faults'), ratesFor(wishes, weight))
  const random = createRandom(seed, 'world')
  // The same in every run, and so is everything encrypted with these keys.
  const keyBytes = createRandom(seed, 'keys')
  const randomBytes = (count: number) =>
    Buffer.from(Array.from({ length: count }, () => Math.floor(keyBytes.next() * 256)))
  const memory = createMemoryBroker(topology, (delayMs, work) =>
    time.schedule(delayMs === 0 ? faults.delayMs('delivery') : delayMs, work),
  )
  const wire = memory.connect('wire')
  const stores = new Map(services.map(({ name }) => [name, createStore(time)]))
  const living = new Map<string, Living[]>(services.map(({ name }) => [name, []]))
  /**
   * Queues without a delivery limit. Their redeliveries count as attempts; otherwise a message that kills its consumer would
   * come for ever.
   */
  const unlimited = new Set(
    topology.queues.flatMap(({ name, arguments: settings }) => ('x-delivery-limit' in settings ? [] : [name])),
  )

  function store(service: string): Store {
    const found = stores.get(service)
    if (!found) throw new Error(`no service ${service}`)
    return found
  }

  function launch(service: SimulatedService, copy: number): void {
    tally.add('starts')
    const process = createProcess(service.name, copy, { time, faults, tally })
    process.atDeath(() => {
      const others = (living.get(service.name) ?? []).filter((one) => one.process !== process)
      living.set(service.name, others)
      time.schedule(random.wait(RESTART_MEAN_MS), () => launch(service, copy))
    })
    open(service, process).then(
      // The process may have died at once.
      (kernel) => process.isAlive() && living.get(service.name)?.push({ process, kernel }),
      // Like a real process: it exits, and its supervisor starts it again.
      () => process.kill(),
    )
  }

  /** Does what `startService` does, except HTTP. */
  async function open({ name, folder, wire: wireUp }: SimulatedService, process: Process): Promise<Asked> {
    const log = countingLog(process, tally, witness)
    const { now } = time
    const honestDatabase = openStore(store(name), process, { faults, tally })
    const stored = tamper.database?.(honestDatabase, name) ?? honestDatabase
    await migrate(stored, [OWN_MIGRATIONS, join(folder, 'migrations')])
    const master = openMaster({ masterKey: MASTER_KEY, dataDir: '' }, log)
    const sealing = { database: stored, registry, master, isSealing: true, log, random: randomBytes }
    const { vault, database, seal, show, crossing, open: opening } = await openPersonal(sealing)
    const honestBroker = connectThrough({ memory, wire, time, faults, tally, witness }, process)
    const broker = tamper.broker?.(honestBroker, name) ?? honestBroker
    const honestOutbox = createOutbox({ database, broker, log, now })
    const outbox = tamper.outbox?.(honestOutbox, name) ?? honestOutbox
    let due: DueRetries | undefined
    const rowDue = () => due?.wake()
    const commit = createGroupCommit({ database, outbox, service: name, registry, now, seal, rowDue })
    const outage = createOutage({ database, log, now })
    process.atDeath(outage.close)
    // Only ends their intervals. A dead process needs no orderly stop.
    process.atDeath(() => void Promise.allSettled([outbox.close(), commit.close()]))
    await outbox.sweep()
    const openKey = keyOpener(vault, database, commit, now)
    const at = { service: name, version: 'simulated', broker, database, commit, outage, registry, log, now }
    const kernel: Asked = { ...at, open: opening, openKey }
    const ofPeople = { openKey, show, crossing, gather: nothingGathered }
    const own = { config: {}, management: undefined, auth, parts: partsOf(process) }
    const wiring = { ...own, ...ofPeople, database, broker, commit, log, now }
    const heard = await wireUp(wiring, process)
    const ofKeys = keysConsumer({
      service: name,
      registry,
      vault,
      crossing,
      handlers: heard.keyHandlers,
      forget: heard.forget,
    })
    const wanted = [...heard.consumers, ofKeys]
    const consumers = wanted.map((consumer) => {
      const handlers = tamper.handlers?.(consumer.handlers, consumer.queue) ?? consumer.handlers
      const countsRedeliveries = unlimited.has(consumer.queue)
      return consume(kernel, { countsRedeliveries, ...consumer, handlers })
    })
    const looking = handleDue(kernel, consumers, knownTo(registry, wanted), RETRY_LOOK_MS)
    due = looking
    process.atDeath(() => void looking.close())
    const erasing = startErasing({ service: name, database: stored, commit, vault, log, now }, RETRY_LOOK_MS)
    process.atDeath(() => void erasing.close())
    for (const timers of heard.timers ?? []) {
      const watching = watchOverdue(kernel, timers)
      process.atDeath(() => void watching.close())
    }
    if (heard.rpc) serve(kernel, heard.rpc.queue, heard.rpc.prefetch, heard.rpc.answerers)
    return kernel
  }

  return {
    domain,
    services,
    seed,
    wishes,
    time,
    faults,
    tally,
    random,
    memory,
    witness,
    store,
    start() {
      for (const service of services) for (let copy = 1; copy <= copies; copy++) launch(service, copy)
    },
    ask(service, question) {
      const [first, ...others] = living.get(service) ?? []
      if (!first) return Promise.reject(new Error('connection refused'))
      const { process, kernel } = random.pick([first, ...others])
      return new Promise((resolve, reject) => {
        process.atDeath(() => reject(new Error('connection reset')))
        question(kernel).then(resolve, reject)
      })
    },
  }
}

/** There is no HTTP in a simulation. */
const auth = {
  operator: async () => undefined,
  customer: async () => undefined,
  namedCustomer: async () => undefined,
  holder: () => undefined,
  customerOf: () => undefined,
  operatorOf: () => undefined,
}

/** No personal data is gathered in a simulation. */
async function* nothingGathered() {}

/** There is no orderly stop. When a process dies, only the intervals of its parts end. */
function partsOf(process: Process): Wiring<object>['parts'] {
  return {
    use(_, part, close) {
      process.atDeath(() => void close(part))
      return part
    },
    close: async () => ({ clean: true }),
  }
}
