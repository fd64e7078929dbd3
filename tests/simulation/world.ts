// Six services over one broker, in one process: their processes start, die and start again, and whoever asks them finds
// one that lives, or is refused.
import { join } from 'node:path'
import { registry, topology } from '@orders/shared/contracts'
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
  knownTo,
  type Outbox,
  serve,
  watchOverdue,
} from '@orders/shared/messaging'
import type { Wiring } from '@orders/shared/runtime'
import { type Database, migrate } from '@orders/shared/storage'
import { createMemoryBroker, type MemoryBroker } from '@orders/shared/testing'
import { connectThrough } from './broker.ts'
import { createStore, openStore, type Store } from './database.ts'
import { createFaults, type Faults, ratesFor } from './faults.ts'
import { countingLog } from './log.ts'
import { createOutside, type Outside, reachOutside } from './outside.ts'
import { createProcess, type Process } from './process.ts'
import { createRandom, type Random } from './random.ts'
import { type Service, services } from './services.ts'
import { createTally, type Tally } from './tally.ts'
import { createTime, type Time } from './time.ts'
import { createWitness, type Witness } from './witness.ts'

export interface Options {
  seed: number
  orders: number
  /** Processes of each service, over its one database. */
  copies: number
  /** A piece made wrong on purpose, to see whether the checks find it. */
  tamper?: Tamper | undefined
}

/** Takes a right piece and gives back a wrong one. */
export interface Tamper {
  broker?(broker: Broker, service: string): Broker
  database?(database: Database, service: string): Database
  outbox?(outbox: Outbox, service: string): Outbox
  handlers?(handlers: Handler[], queue: string): Handler[]
  outside?(outside: Outside): Outside
}

export interface World {
  options: Options
  time: Time
  faults: Faults
  tally: Tally
  random: Random
  memory: MemoryBroker
  outside: Outside
  witness: Witness
  /** Starts every copy of every service; those that die start again by themselves. */
  start(): void
  store(service: string): Store
  /** Asks a living process of a service; rejects when there is none, or when it dies before it has answered. */
  ask<T>(service: string, question: (kernel: Kernel) => Promise<T>): Promise<T>
}

interface Living {
  process: Process
  kernel: Kernel
}

/** A redelivery from them is counted as an attempt: a message that kills its consumer would come for ever. */
const unlimited = new Set(
  topology.queues.flatMap(({ name, arguments: settings }) => ('x-delivery-limit' in settings ? [] : [name])),
)
const RETRY_LOOK_MS = 500
const RESTART_MEAN_MS = 200
const OUTBOX_MIGRATIONS = join(import.meta.dirname, '..', '..', 'shared', 'storage', 'migrations')

/** Node's timers are under the world's time from now on, until the caller releases it. */
export function createWorld(options: Options): World {
  const { seed, orders, copies, tamper = {} } = options
  const time = createTime()
  time.seize(createRandom(seed, 'jitter').next)
  const tally = createTally()
  const faults = createFaults(createRandom(seed, 'faults'), ratesFor(orders))
  const random = createRandom(seed, 'world')
  const memory = createMemoryBroker(topology, (delayMs, work) =>
    time.schedule(delayMs === 0 ? faults.delayMs('delivery') : delayMs, work),
  )
  const wire = memory.connect('wire')
  const witness = createWitness()
  const honest = createOutside(time)
  const outside = tamper.outside?.(honest) ?? honest
  const stores = new Map(services.map(({ name }) => [name, createStore(time)]))
  const living = new Map<string, Living[]>(services.map(({ name }) => [name, []]))

  function store(service: string): Store {
    const found = stores.get(service)
    if (!found) throw new Error(`no service ${service}`)
    return found
  }

  const isSent = store('notification-service').connection
  const isRecorded = (notificationId: string, channel: string) =>
    isSent
      .prepare(`select 1 from deliveries where notification_id = ? and channel = ? and status in ('sent', 'simulated')`)
      .get(notificationId, channel) !== undefined

  function launch(service: Service, copy: number): void {
    tally.add('starts')
    const process = createProcess(service.name, copy, { time, faults, tally })
    process.atDeath(() => {
      const others = (living.get(service.name) ?? []).filter((one) => one.process !== process)
      living.set(service.name, others)
      time.schedule(random.wait(RESTART_MEAN_MS), () => launch(service, copy))
    })
    open(service, process).then(
      // It may have died in its very first moment.
      (kernel) => process.isAlive() && living.get(service.name)?.push({ process, kernel }),
      // As a real one: it exits, and whoever runs it starts it again.
      () => process.kill(),
    )
  }

  /** What `startService` does, but for HTTP. */
  async function open({ name, folder, wire: wireUp }: Service, process: Process): Promise<Kernel> {
    const log = countingLog(process, tally, witness)
    const { now } = time
    const honestDatabase = openStore(store(name), process, { faults, tally })
    const database = tamper.database?.(honestDatabase, name) ?? honestDatabase
    await migrate(database, [OUTBOX_MIGRATIONS, join(folder, 'migrations')])
    const honestBroker = connectThrough({ memory, wire, time, faults, tally, witness }, process)
    const broker = tamper.broker?.(honestBroker, name) ?? honestBroker
    const honestOutbox = createOutbox({ database, broker, log, now })
    const outbox = tamper.outbox?.(honestOutbox, name) ?? honestOutbox
    let due: DueRetries | undefined
    const commit = createGroupCommit({ database, outbox, service: name, registry, now, taskDue: () => due?.wake() })
    const outage = createOutage({ database, log, now })
    process.atDeath(outage.close)
    // Only to end their intervals: the dead need no orderly stop.
    process.atDeath(() => void Promise.allSettled([outbox.close(), commit.close()]))
    await outbox.sweep()
    const kernel: Kernel = { service: name, version: 'simulated', broker, database, commit, outage, registry, log, now }
    const reach = reachOutside(outside, process, { faults, tally, witness, isRecorded })
    const heard = await wireUp({ config: {}, database, broker, commit, log, now, auth, parts: partsOf(process) }, reach)
    const consumers = heard.consumers.map((consumer) => {
      const handlers = tamper.handlers?.(consumer.handlers, consumer.queue) ?? consumer.handlers
      const countsRedeliveries = unlimited.has(consumer.queue)
      return consume(kernel, { countsRedeliveries, ...consumer, handlers })
    })
    const looking = handleDue(kernel, consumers, knownTo(registry, heard.consumers), RETRY_LOOK_MS)
    due = looking
    process.atDeath(() => void looking.close())
    for (const timers of heard.timers ?? []) {
      const watching = watchOverdue(kernel, timers)
      process.atDeath(() => void watching.close())
    }
    if (heard.rpc) serve(kernel, heard.rpc.queue, heard.rpc.prefetch, heard.rpc.answerers)
    return kernel
  }

  return {
    options,
    time,
    faults,
    tally,
    random,
    memory,
    outside,
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

/** Nobody asks over HTTP. */
const auth = {
  operator: async () => undefined,
  customer: async () => undefined,
  holder: () => undefined,
  customerOf: () => undefined,
}

/** Nobody stops in order; what a process opened only ends its intervals when it dies. */
function partsOf(process: Process): Wiring<object>['parts'] {
  return {
    use(_, part, close) {
      process.atDeath(() => void close(part))
      return part
    },
    close: async () => ({ clean: true }),
  }
}
