// The choreography as the services themselves have it: what each hears and does, wired as in the simulation but for the outside; what
// people may ask; and the topology between them.
import { join } from 'node:path'
import { orders, topology } from '@orders/shared/contracts'
import { type Handler, lockKeyOf, type Timers, type Topology, type Work } from '@orders/shared/messaging'
import { createLog, type Wiring } from '@orders/shared/runtime'
import { type Database, migrate, sqliteOver } from '@orders/shared/storage'
import Sqlite from 'better-sqlite3'
import { stock } from '../../inventory-service/store.ts'
import { services } from '../simulation/services.ts'
import { createOutside } from './outside.ts'
import { NOW, SKUS, wishesOf } from './people.ts'

/** What a service keeps of the order, each value under its state's name and key. */
export type Memory = Readonly<Record<string, unknown>>

/** What somebody may ask at any time, or a look into the service's own tables: work that no message brings. */
export interface Wish {
  name: string
  work: Work<unknown>
}

export interface Participant {
  noun: string
  /** By queue. */
  handlers: Readonly<Record<string, Handler[]>>
  wishes: readonly Wish[]
  /** What makes good for a timer that does not come back. */
  looks: readonly Timers[]
  before: Memory
}

export interface Choreography {
  participants: readonly Participant[]
  topology: Topology
  outside: ReturnType<typeof createOutside>
}

/** Those whom another one hears; who only listens, such as notification and audit, decides nothing of an order. */
function takingPart(): string[] {
  const queues = Object.entries(orders.heard)
  return orders.services
    .map((name) => name.replace('-service', ''))
    .filter((noun) =>
      queues.some(
        ([queue, heard]) => !queue.startsWith(`${noun}.`) && heard.some((type) => type.startsWith(`${noun}.`)),
      ),
    )
    .filter((noun, _, speakers) => isHeardByOneOf(noun, speakers))
}

function isHeardByOneOf(noun: string, speakers: readonly string[]): boolean {
  return Object.entries(orders.heard).some(
    ([queue, heard]) =>
      speakers.some((other) => other !== noun && queue === `${other}.queue`) &&
      heard.some((type) => type.startsWith(`${noun}.`)),
  )
}

export async function readChoreography(): Promise<Choreography> {
  const outside = createOutside()
  const participants: Participant[] = []
  for (const noun of takingPart()) participants.push(await participantOf(noun, outside))
  return { participants, topology, outside }
}

async function participantOf(noun: string, outside: Choreography['outside']): Promise<Participant> {
  const service = services.find(({ name }) => name === `${noun}-service`)
  if (!service) throw new Error(`no service ${noun}-service`)
  const connection = new Sqlite(':memory:')
  try {
    const database = sqliteOver(connection, connection)
    await migrate(database, [join(service.folder, 'migrations')])
    const sender = { provider: 'nobody', send: async () => '', close: () => undefined }
    const wired = await service.wire(await wiringOf(database), { ...outside, sender })
    return {
      noun,
      handlers: Object.fromEntries(wired.consumers.map(({ queue, handlers }) => [queue, handlers])),
      wishes: wishesOf(noun, wired),
      looks: wired.timers ?? [],
      before: noun === 'inventory' ? await shelf(database) : {},
    }
  } finally {
    connection.close()
  }
}

/** What there is of the goods that are ordered here. */
async function shelf(database: Database): Promise<Memory> {
  const found = await stock.load(database, SKUS)
  return Object.fromEntries([...found].map(([sku, value]) => [lockKeyOf(stock as never, sku), value]))
}

/** Nothing of it is used but the database, while the service is wired: what it decides later is decided here. */
async function wiringOf(database: Database): Promise<Wiring<object>> {
  const log = await createLog({ service: 'model', level: 'silent', pretty: false })
  const parts = { use: (_: string, part: unknown) => part, close: async () => ({ clean: true }) }
  return { config: {}, database, log, parts, now: () => new Date(NOW) } as unknown as Wiring<object>
}
