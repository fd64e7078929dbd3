// Works on SQLite files as a whole: copies one while services run, and inspects or converts one.
import { existsSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'

/** Pages copied in one step. Between steps the event loop runs and progress is reported. */
const PAGES_A_STEP = 1_000
/** The value of `pragma auto_vacuum` for incremental (sqlite.org). */
export const INCREMENTAL = 2

/** How far a database has come, read from its copy. */
export interface Snapshot {
  /** The names of its migrations, in their order. */
  migrations: string[]
  /** How many messages its outbox has recorded in all. */
  said: number
}

/**
 * Copies the database at `from`, as it is now, to the new file `to`. Writers do not wait. The whole copy is then checked.
 *
 * @throws BrokenError `database_damaged` when the copy is not intact
 */
export async function copySqlite(from: string, to: string, progress: (share: number) => void): Promise<Snapshot> {
  const source = new Sqlite(from, { readonly: true, fileMustExist: true })
  try {
    // An open read keeps the snapshot. Without it, each commit of another process would restart the copy.
    source.exec('begin')
    source.prepare('select count(*) from sqlite_master').get()
    await source.backup(to, {
      progress({ totalPages, remainingPages }) {
        progress(totalPages === 0 ? 1 : 1 - remainingPages / totalPages)
        return PAGES_A_STEP
      },
    })
  } finally {
    source.close()
  }
  progress(1)
  return snapshotOf(to)
}

/** @throws BrokenError `database_damaged` */
function snapshotOf(path: string): Snapshot {
  const database = new Sqlite(path, { fileMustExist: true })
  try {
    // Makes the copy a single file, without a write-ahead log beside it.
    database.pragma('journal_mode = delete')
    const [fault] = database.pragma('quick_check(1)') as { quick_check: string }[]
    if (fault?.quick_check !== 'ok') throw new Error(fault?.quick_check)
    return readSnapshot(database)
  } catch (thrown) {
    const { message } = asError(thrown)
    throw new BrokenError('database_damaged', `${path} is not an intact database: ${message}`, { cause: thrown })
  } finally {
    database.close()
  }
}

/** Reads how far the database at `path` has come; undefined if there is none. The database may be in use. */
export function lookIntoSqlite(path: string): Snapshot | undefined {
  if (!existsSync(path)) return undefined
  const database = new Sqlite(path, { readonly: true })
  try {
    return readSnapshot(database)
  } catch (thrown) {
    const { message } = asError(thrown)
    throw new BrokenError('database_damaged', `${path} cannot be read: ${message}`, { cause: thrown })
  } finally {
    database.close()
  }
}

/**
 * Converts the file at `path` so that it can return deleted pages to the disk, as a new file can. No process may have it open.
 * The file is rewritten once, so the disk needs room for a second one. A converted file is left as it is.
 */
export function convertSqlite(path: string): void {
  const database = new Sqlite(path, { fileMustExist: true })
  try {
    if (database.pragma('auto_vacuum', { simple: true }) === INCREMENTAL) return
    database.pragma('auto_vacuum = incremental')
    // For a file with tables, the setting takes effect only with a vacuum (sqlite.org, "PRAGMA auto_vacuum").
    database.exec('vacuum')
  } finally {
    database.close()
  }
}

function readSnapshot(database: Sqlite.Database): Snapshot {
  const isThere = database.prepare<[string], object>('select 1 from sqlite_master where name = ?')
  const migrations = isThere.get('migrations')
    ? database.prepare<[], { name: string }>('select name from migrations order by rowid').all()
    : []
  const said = isThere.get('outbox')
    ? database.prepare<[], { seq: number }>(`select seq from sqlite_sequence where name = 'outbox'`).get()
    : undefined
  return { migrations: migrations.map(({ name }) => name), said: said?.seq ?? 0 }
}

/**
 * Whether any process has the database open. SQLite grants an exclusive lock only if no other process has (sqlite.org, "PRAGMA
 * locking_mode").
 */
export function isSqliteInUse(path: string): boolean {
  if (!existsSync(path)) return false
  const database = new Sqlite(path, { timeout: 0 })
  try {
    database.pragma('locking_mode = exclusive')
    database.exec('begin exclusive; commit')
    return false
  } catch (thrown) {
    if (errorCode(asError(thrown)).startsWith('SQLITE_BUSY')) return true
    // Not a database, so no service uses it.
    return false
  } finally {
    database.close()
  }
}
