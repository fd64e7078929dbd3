// Applies migrations: numbered SQL files, each once, in order, completely or not at all.
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Database, Transaction } from './database.ts'

interface Migration {
  name: string
  text: string
  checksum: string
}

/**
 * Applies the new ones of the `NNN-name.sql` files in `folders` to `database` and returns their names. Safe when several copies
 * start at once. Statements are separated by a line that holds only `--`. A section for one dialect begins with `-- sqlite` or
 * `-- postgres`. Migrations may take any time. Another copy waits meanwhile, and calls `waiting` each time its lock wait runs
 * out.
 *
 * @throws BrokenError `migration_changed` when an applied file was edited afterwards.
 */
export async function migrate(
  database: Database,
  folders: string[],
  waiting: () => void = () => undefined,
): Promise<string[]> {
  const wanted = (await Promise.all(folders.map(readMigrations))).flat()
  for (;;) {
    const applied = await applyAll(database, wanted).catch(asError)
    if (!(applied instanceof Error)) return applied
    if (errorCode(applied) !== 'database_locked') throw applied
    waiting()
  }
}

function applyAll(database: Database, wanted: Migration[]): Promise<string[]> {
  return database.transaction(async (tx) => {
    await tx.lock(['migrations'])
    // Timeouts are lifted only after the lock is taken, so that a waiting copy still times out and reports its wait. The idle
    // timeout stays, since a frozen copy must not hold the lock.
    if (database.dialect === 'postgres')
      await tx.get(`select set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true)`)
    await tx.run('create table if not exists migrations (name text primary key, checksum text not null)')
    const rows = await tx.all<{ name: string; checksum: string }>('select name, checksum from migrations')
    const applied = new Map(rows.map((row) => [row.name, row.checksum]))
    const fresh = wanted.filter((migration) => isFresh(migration, applied.get(migration.name)))
    for (const migration of fresh) await apply(tx, migration, database.dialect)
    return fresh.map(({ name }) => name)
  })
}

function isFresh({ name, checksum }: Migration, applied: string | undefined): boolean {
  if (applied !== undefined && applied !== checksum)
    throw new BrokenError('migration_changed', `migration ${name} was edited after it ran; add a new one instead`)
  return applied === undefined
}

async function apply(tx: Transaction, { name, text, checksum }: Migration, dialect: string): Promise<void> {
  for (const statement of text.split(/^--$/m)) {
    const only = /^\s*-- (sqlite|postgres)$/m.exec(statement)?.[1]
    if (!statement.trim() || (only !== undefined && only !== dialect)) continue
    await tx.run(statement)
    reached('migration')
  }
  await tx.run('insert into migrations (name, checksum) values (?, ?)', name, checksum)
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(join(folder, name), 'utf8')
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') }
    }),
  )
}
