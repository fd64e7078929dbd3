// PostgreSQL beside SQLite, in turns: with the server next door, and with a way to it that takes longer, as in a network. What
// an order costs there as well.
import { Client } from 'pg'
import { testDatabases } from '../tests/support/postgres.ts'
import { costOn } from './cost.ts'
import { type Measured, underFullLoad } from './measured.ts'
import { percentile } from './numbers.ts'
import { type Figure, number, sideBySide } from './report.ts'
import { withSink } from './sink.ts'
import { total } from './spent.ts'
import { type Stage, under, withSystem } from './stage.ts'
import { startWorker } from './worker.ts'

/** One round: each of its figures has two others beside it already. */
export async function measurePostgres(stage: Stage): Promise<Figure[]> {
  const { say, settings, servers } = stage
  const slow = `${settings.delayMs} ms of delay`
  const near = servers.postgres.url
  return withSlowLink(near, settings.delayMs, async (far) => {
    const sqlite = await onSystem(stage)
    const figures: Figure[] = []
    for (const [where, server] of [
      ['no delay', near],
      [slow, far],
    ] as const) {
      say(`PostgreSQL, ${where}: a round trip takes ${number(await roundTripMs(server))} ms`)
      const ours = await onDatabases(server, (databaseUrl) => onSystem(stage, databaseUrl))
      tell(stage, ours, sqlite)
      const pair = { ours: ours.settledPerSecond, beside: sqlite.settledPerSecond }
      figures.push(sideBySide(`settled on PostgreSQL, ${where}, ${under(settings)}`, 'orders/s', 'SQLite', [pair]))
    }
    const cost = await onDatabases(far, (databaseUrl) => costOn(stage, `PostgreSQL, ${slow}`, databaseUrl))
    return [...figures, ...cost]
  })
}

function onSystem(stage: Stage, databaseUrl?: string): Promise<Measured> {
  return withSink(({ url }) =>
    withSystem(stage, { environment: { SMTP_URL: url }, databaseUrl }, (site) => underFullLoad(stage, site)),
  )
}

async function onDatabases<T>(server: string, work: (databaseUrl: string) => Promise<T>): Promise<T> {
  const databases = testDatabases(server)
  try {
    return await work(databases.url)
  } finally {
    await databases.remove()
  }
}

function tell({ say }: Stage, ours: Measured, sqlite: Measured): void {
  const line = (what: string, { settledPerSecond, completedPerSecond, acceptedMs, spent }: Measured) =>
    say(
      `${what}: ${number(settledPerSecond)} orders/s settled, ${number(completedPerSecond)} completed, POST p50 ${number(percentile(acceptedMs, 0.5))} ms, ${number(total(spent).statements)} statements and ${number(total(spent).roundTrips)} round trips an order`,
    )
  line('PostgreSQL', ours)
  line('SQLite', sqlite)
}

async function withSlowLink<T>(server: string, delayMs: number, work: (server: string) => Promise<T>): Promise<T> {
  const url = new URL(server)
  const link = await startWorker('slow-link.ts', url.port, String(delayMs))
  try {
    url.port = String((await link.heard<{ port: number }>()).port)
    return await work(url.href)
  } finally {
    await link.stop()
  }
}

const ROUND_TRIPS = 200

/** The median of what a statement takes that does nothing. */
async function roundTripMs(server: string): Promise<number> {
  const client = new Client({ connectionString: `${server}/postgres` })
  await client.connect()
  try {
    const ms: number[] = []
    for (let trip = 0; trip < ROUND_TRIPS; trip++) {
      const sentAt = performance.now()
      await client.query('select 1')
      ms.push(performance.now() - sentAt)
    }
    return percentile(
      ms.sort((a, b) => a - b),
      0.5,
    )
  } finally {
    await client.end()
  }
}
