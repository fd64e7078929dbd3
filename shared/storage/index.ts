// The entry to storage: exports the port, its drivers and migrations.
import { join } from 'node:path'
import { BrokenError } from '../runtime/errors.ts'
import type { Database } from './database.ts'
import { openSqlite } from './sqlite.ts'
import { isSqliteInUse } from './sqlite-files.ts'

export type { Database, Parameter, Reader, Row, Spent, Sql, Transaction, Value } from './database.ts'
export { byKey, insert, inText } from './many.ts'
export { migrate } from './migrate.ts'
export { apart, hashed, INDEX, isSealable, type Sealable, sealable, sealedFor } from './sealable.ts'
export { openSqlite, sqliteOver } from './sqlite.ts'
export { convertSqlite, copySqlite, isSqliteInUse, lookIntoSqlite, type Snapshot } from './sqlite-files.ts'

/**
 * Opens the database of `service`. If `url` is given, `{service}` in it is replaced by the name. Otherwise it is a SQLite file
 * in `dataDir`, with a second file for the schema `keys`. `answerMs` is how long PostgreSQL may send nothing before the driver
 * checks whether it is alive.
 */
export async function openDatabase(
  service: string,
  dataDir: string,
  url?: string,
  answerMs?: number,
): Promise<Database> {
  if (url === undefined) return openSqlite(join(dataDir, `${service}.db`), join(dataDir, `${service}.keys.db`))
  if (/^postgres(ql)?:\/\//.test(url)) {
    // Imported only when used, since loading the driver takes time.
    const { openPostgres, postgresUrlOf } = await import('./postgres.ts')
    return openPostgres({ url: postgresUrlOf(url, service), service, answerMs })
  }
  throw new BrokenError(
    'database_unsupported',
    `DATABASE_URL: no driver for ${url.split(':')[0]}: set postgres://user:password@host/{service}, or leave it unset for SQLite`,
  )
}

/** Whether any process has the database of `service` open. */
export async function isInUse(service: string, dataDir: string, url?: string): Promise<boolean> {
  if (url === undefined) return isSqliteInUse(join(dataDir, `${service}.db`))
  const database = await openDatabase(service, dataDir, url)
  try {
    const others = await database.get<{ count: number }>(
      'select count(*) as count from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
    return Number(others?.count ?? 0) > 0
  } finally {
    await database.close()
  }
}
