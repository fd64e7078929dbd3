// The things that a chaos run breaks and heals, opened together and closed in reverse, however the run ends.
import { join } from 'node:path'
import { type Fleet, type FleetOptions, type Member, startFleet } from '@orders/shared/testing'
import type { RabbitNode } from '../../scripts/broker/node.ts'
import type { PostgresServer } from '../../scripts/postgres/server.ts'
import { type PostgresWire, startPostgresWire } from '../support/postgres-wire.ts'
import { buildLastRelease, type Release } from '../support/release.ts'
import { prepareSystem, type ServiceName, type System, serviceNames } from '../support/system.ts'
import { createVhost, type Vhost } from '../support/vhost.ts'
import { startWire, type Wire } from '../support/wire.ts'
import { type Disks, prepareDisks } from './disks.ts'
import { lastWordsIn } from './last-words.ts'
import { type MailProvider, startMailProvider } from './mail-provider.ts'
import { postgresRows, type Rows, sqliteRows } from './oracle/rows.ts'
import { CONFIRM_ABOVE_CENTS, CONFIRM_WITHIN_MS } from './orders.ts'
import type { Planned } from './schedule.ts'

export interface World {
  node: BrokerNode
  /** Undefined where each service has a file. */
  postgres: PostgresServer | undefined
  vhost: Vhost
  system: System
  fleet: Fleet<ServiceName>
  mail: MailProvider
  disks: Disks
  /** Each service's way to the broker. */
  wires: Map<ServiceName, Wire>
  /** Each service's way to PostgreSQL; none where each has a file. */
  postgresWires: Map<ServiceName, PostgresWire>
  servicesDir: string
  /** Of a run beside it. */
  release: Release | undefined
  rows: Rows
  /** Where a database is, as a file. */
  pathOf(database: string): string
  close(): Promise<void>
}

/** What is done to the broker; a run without faults of the broker needs only its addresses. */
export type BrokerNode = Pick<RabbitNode, 'amqpUrl' | 'managementUrl' | 'rabbitmqctl' | 'stop' | 'kill' | 'restart'>

export interface WorldOptions {
  node: BrokerNode
  /** Where the services keep their data; without it, in files. */
  postgres?: PostgresServer | undefined
  servicesDir: string
  copies: number
  plan: Planned[]
  /** Loaded into the services; the tests of the oracle put a faulty one here. */
  preload?: string
}

/** Short, so that a frozen process or wire is given up on within seconds. */
const HEARTBEAT_SECONDS = 3
/** How long a parcel is on its way. */
export const TRANSIT_MS = 300
const BOOKS = 'payment-gateway'
const DATABASE_PREFIX = 'chaos_'
const PRELOAD = join(import.meta.dirname, 'preload.mjs')

export async function openWorld(options: WorldOptions): Promise<World> {
  const { node, postgres, servicesDir, copies, plan, preload = PRELOAD } = options
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (let closer = closers.pop(); closer; closer = closers.pop()) await closer().catch(() => undefined)
  }
  try {
    const release = plan.some(({ kind }) => kind === 'versions') ? await buildLastRelease() : undefined
    if (release) closers.push(release.remove)
    const vhost = await createVhost(node.amqpUrl, node.managementUrl)
    closers.push(() => vhost.remove())
    const mail = await startMailProvider()
    closers.push(mail.close)
    const wires = new Map<ServiceName, Wire>()
    for (const service of serviceNames) {
      const wire = await startWire(`${vhost.amqpUrl}?heartbeat=${HEARTBEAT_SECONDS}`)
      wires.set(service, wire)
      closers.push(wire.close)
    }
    const postgresWires = new Map<ServiceName, PostgresWire>()
    for (const service of postgres ? serviceNames : []) {
      const wire = await startPostgresWire(postgres?.url ?? '')
      postgresWires.set(service, wire)
      closers.push(wire.close)
    }
    const system = await prepareSystem({
      onDisk: true,
      amqpUrl: vhost.amqpUrl,
      servicesDir,
      copies,
      preload,
      environmentOf: (service) => ({
        AMQP_URL: wires.get(service)?.amqpUrl ?? '',
        CHAOS_SERVICE: service,
        DATA_DIR: join(system.dataDir, service),
        // Each has a disk of its own, and all of them have one master key.
        MASTER_KEY: Buffer.alloc(32, 'chaos').toString('base64'),
        // As the guide to upgrading says: the last release reads nothing that is encrypted.
        ...(release && { ENCRYPT_PERSONAL: 'false' }),
        ...(postgres && { DATABASE_URL: `${postgresWires.get(service)?.url}/${DATABASE_PREFIX}{service}` }),
        SMTP_URL: mail.url,
        // Its few customers name many addresses.
        CONTACT_ADDRESSES_PER_HOUR: '0',
        CONTACT_ORDERS_PER_HOUR: '0',
        // What the stand-in for SMS and push was given, it says in the log only.
        LOG_LEVEL: service === 'notification' ? 'info' : 'warn',
        STOCK_INITIAL_QUANTITY: '400',
        PAYMENT_CONFIRM_ABOVE_CENTS: String(CONFIRM_ABOVE_CENTS),
        PAYMENT_CONFIRM_WITHIN_MS: String(CONFIRM_WITHIN_MS),
        SHIPPING_TRANSIT_MS: String(TRANSIT_MS),
      }),
    })
    closers.push(system.stop)
    const filled = plan.flatMap((fault) => (fault.kind === 'disk' ? [fault.service] : []))
    const disks = await prepareDisks(system.dataDir, [...serviceNames], [...new Set(filled)])
    closers.push(disks.remove)
    const migration = plan.find((fault) => fault.kind === 'migration')
    const first = ({ service, copy }: Member<ServiceName>): Record<string, string> =>
      migration?.service === service && copy === 1 ? { CHAOS_KILL_AT: `migration:${migration.statement}` } : {}
    const builtIn = ({ service, copy }: Member<ServiceName>) =>
      release && plan.some((fault) => isReleasedFirst(fault, { service, copy })) ? release.servicesDir : servicesDir
    const fleet = await startFleet({ ...launching(system), services: serviceNames, copies, first, builtIn })
    closers.push(fleet.stop)
    const pathOf = (database: string) => join(system.dataDir, folderOf(database), `${database}.db`)
    const files = sqliteRows(pathOf)
    const tables = postgres && postgresRows((service) => `${postgres.url}/${DATABASE_PREFIX}${service}`)
    // The payment provider's books are its own affair, and always a file.
    const rows: Rows = (database, sql) => (database === BOOKS ? files : (tables ?? files))(database, sql)
    return {
      ...{ node, postgres, vhost, system, fleet, mail, disks, wires, postgresWires },
      ...{ servicesDir, release, rows, pathOf, close },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** How the processes of a fleet are those of a system. */
export function launching(system: System): Pick<FleetOptions<ServiceName>, 'launch' | 'isReady' | 'lastWords'> {
  return {
    launch: ({ service, copy }, environment, builtIn) => system.launch(service, copy, environment, builtIn),
    isReady: ({ service, copy }) => system.isReady(service, copy),
    lastWords: lastWordsIn(system.log),
  }
}

/** Those that run as the last release from their very first start on. */
const isReleasedFirst = (fault: Planned, { service, copy }: Member) =>
  fault.kind === 'versions' && fault.atMs === 0 && fault.service === service && fault.copy === copy

/** The provider's books lie in the folder of the service that asks it. */
function folderOf(database: string): string {
  return database === BOOKS ? 'payment' : database.replace(/-service$/, '')
}
