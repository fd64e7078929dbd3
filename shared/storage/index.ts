// The door to storage: the port, its drivers, and migrations.
import { join } from 'node:path'
import { BrokenError } from '../runtime/errors.ts'
import type { Database } from './database.ts'
import { openSqlite } from './sqlite.ts'

export type { Database, Parameter, Reader, Row, Spent, Sql, Transaction, Value } from './database.ts'
export { byKey, insert } from './many.ts'
export { migrate } from './migrate.ts'
export { openSqlite, sqliteOver } from './sqlite.ts'

/**
 * Opens the database of `service`: what `url` says, its name put in for `{service}`, or a SQLite file of its own in
 * `dataDir`. `answerMs` is how long PostgreSQL may send nothing before it is asked whether it is there.
 */
export async function openDatabase(
  service: string,
  dataDir: string,
  url?: string,
  answerMs?: number,
): Promise<Database> {
  if (url === undefined) return openSqlite(join(dataDir, `${service}.db`))
  if (/^postgres(ql)?:\/\//.test(url)) {
    // Loading it takes time that only those spend who use it.
    const { openPostgres, postgresUrlOf } = await import('./postgres.ts')
    return openPostgres({ url: postgresUrlOf(url, service), service, answerMs })
  }
  throw new BrokenError(
    'database_unsupported',
    `DATABASE_URL: no driver for ${url.split(':')[0]}: set postgres://user:password@host/{service}, or leave it unset for SQLite`,
  )
}
