// Everything that the services, the payment provider and the mail folder keep, as one value that can be compared.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import { query, urlFor } from './postgres.ts'
import { type ServiceName, type System, serviceNames } from './system.ts'

/**
 * Each table's rows as JSON, and each mail with its bytes and the moment it was written.
 *
 * @param databaseUrl the services' DATABASE_URL, if they do not use SQLite
 */
export async function everythingKept({ dataDir }: System, databaseUrl?: string): Promise<Record<string, string[]>> {
  const kept: Record<string, string[]> = { mail: await mailsIn(join(dataDir, 'mail')) }
  // The outbox comes and goes; what it said is in the audit log. The log's tree follows it within a second. What copies say of
  // themselves, and how far a service has come, or has gone through a table, go on.
  for (const { name, rowsOf } of await tablesIn(dataDir, databaseUrl))
    if (!/ (outbox|tree_\w+|copies|marks|epochs|sweeps)$/.test(name))
      kept[name] = (await rowsOf()).map((row) => JSON.stringify(row)).sort()
  return kept
}

/** How many messages the services have recorded and the broker has not confirmed, or which are not forgotten yet. */
export async function recordedMessages({ dataDir }: System, databaseUrl?: string): Promise<number> {
  const outboxes = (await tablesIn(dataDir, databaseUrl)).filter(({ name }) => name.endsWith(' outbox'))
  const counts = await Promise.all(outboxes.map(async ({ rowsOf }) => (await rowsOf()).length))
  return counts.reduce((sum, count) => sum + count, 0)
}

interface Table {
  /** With its database's name before it. */
  name: string
  rowsOf(): Promise<unknown[]>
}

/** The gateway's books are a file in any case. */
async function tablesIn(folder: string, databaseUrl: string | undefined): Promise<Table[]> {
  const files = (await readdir(folder)).filter((name) => name.endsWith('.db')).sort()
  const inFiles = files.flatMap((file) => sqliteTables(file, join(folder, file)))
  if (databaseUrl === undefined) return inFiles
  const inPostgres = await Promise.all(serviceNames.map((service) => postgresTables(service, databaseUrl)))
  return [...inFiles, ...inPostgres.flat()]
}

function sqliteTables(file: string, path: string): Table[] {
  const rows = (statement: string) => {
    const database = new Sqlite(path, { readonly: true })
    try {
      return database.prepare(statement).all()
    } finally {
      database.close()
    }
  }
  const tables = rows(`select name from sqlite_master where type = 'table' and name not like 'sqlite_%'`)
  return (tables as { name: string }[]).map(({ name }) => ({
    name: `${file} ${name}`,
    rowsOf: async () => rows(`select * from ${name}`),
  }))
}

async function postgresTables(service: ServiceName, databaseUrl: string): Promise<Table[]> {
  const url = urlFor(databaseUrl, service)
  const tables = await query<{ name: string }>(
    url,
    `select table_name as name from information_schema.tables where table_schema = 'public'`,
  )
  return tables.map(({ name }) => ({
    name: `${service}-service ${name}`,
    rowsOf: () => query<object>(url, `select * from ${name}`),
  }))
}

async function mailsIn(folder: string): Promise<string[]> {
  const names = (await readdir(folder).catch(() => [])).sort()
  return Promise.all(
    names.map(async (name) => {
      const { mtimeMs } = await stat(join(folder, name))
      return `${name} ${mtimeMs} ${await readFile(join(folder, name), 'utf8')}`
    }),
  )
}
