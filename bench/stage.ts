// What every part of the benchmark stands on: the private servers of the run, and systems with processes, databases and a
// vhost of their own.
import type { TestServers } from '../scripts/testing/servers.ts'
import { prepareSystem, type ServiceName, type System, serviceNames } from '../tests/support/system.ts'
import { createVhost } from '../tests/support/vhost.ts'

export interface Settings {
  rounds: number
  /** Of load in each round, after the warm-up. */
  seconds: number
  inFlight: number
  /** Processes of each service. */
  copies: number
  mails: number
  waiting: number
  /** Orders a second under a steady load. */
  rate: number
  /** What the way to PostgreSQL and back takes longer. */
  delayMs: number
  /** Orders that tables are filled with. */
  grown: number
  /** Failed messages that the audit's table is filled with. */
  failed: number
  /** Seconds for which the payment provider is away. */
  outage: number
}

export interface Stage {
  settings: Settings
  servers: TestServers
  /** Those that run, for who stops in the middle. */
  systems: Set<System>
  say(line?: string): void
}

/** A system that runs. */
export interface Site {
  system: System
  amqpUrl: string
  copies: number
  /** Absent with SQLite. */
  databaseUrl: string | undefined
}

interface Choice {
  environment?: Record<string, string>
  databaseUrl?: string | undefined
  services?: readonly ServiceName[]
}

export const WARM_UP_SECONDS = 4

/** Gives the URL of a vhost that nobody else uses; a connection that `work` leaves open makes it fail. */
export async function onNewVhost<T>({ servers }: Stage, work: (amqpUrl: string) => Promise<T>): Promise<T> {
  const vhost = await createVhost(servers.rabbit.amqpUrl, servers.rabbit.managementUrl)
  const result = await work(vhost.amqpUrl)
  await vhost.remove()
  return result
}

/** Six new services with empty databases and so much in stock that nothing is ever sold out. Goods travel for a millisecond. */
export function withSystem<T>(stage: Stage, choice: Choice, work: (site: Site) => Promise<T>): Promise<T> {
  const { environment = {}, databaseUrl, services = serviceNames } = choice
  const { copies } = stage.settings
  return onNewVhost(stage, async (amqpUrl) => {
    const system = await prepareSystem({
      amqpUrl,
      servicesDir: stage.servers.servicesDir,
      onDisk: true,
      copies,
      environment: {
        SHIPPING_TRANSIT_MS: '1',
        // The load has few customers, who name many addresses.
        CONTACT_ADDRESSES_PER_HOUR: '0',
        CONTACT_ORDERS_PER_HOUR: '0',
        ...environment,
        ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
      },
    })
    const site = { system, amqpUrl, copies, databaseUrl }
    stage.systems.add(system)
    try {
      await startAll(site, services)
      if (services.includes('inventory')) await restock(system)
      return await work(site)
    } finally {
      await system.stop()
      stage.systems.delete(system)
    }
  })
}

export async function startAll(
  { system, copies }: Site,
  services: readonly ServiceName[] = serviceNames,
): Promise<void> {
  await Promise.all(services.flatMap((service) => copyNumbers(copies).map((copy) => system.start(service, copy))))
}

export const copyNumbers = (copies: number) => Array.from({ length: copies }, (_, index) => index + 1)

/** What the names of figures say of the settings. */
export const under = (settings: Settings) => `${settings.inFlight} in flight${copiesOf(settings)}`
export const copiesOf = ({ copies }: Settings) => (copies > 1 ? `, ${copies} copies of each service` : '')

async function restock(system: System): Promise<void> {
  for (const sku of ['item1', 'item2', 'item3'])
    await fetch(`${system.url('inventory')}/stock/${sku}/adjustments`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `bench-${sku}` },
      body: JSON.stringify({ difference: 100_000_000, reason: 'bench' }),
    })
}
