// SQLite files as a whole: copied while services run, and looked at when none does.
import { existsSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { asError, BrokenError, errorCode } from '../runtime/errors.ts'

/** Copied in one step, between which the event loop may say how far it is. */
const PAGES_A_STEP = 1_000
/** What `pragma auto_vacuum` calls it (sqlite.org). */
export const INCREMENTAL = 2

/** What a database has come to, as its copy tells. */
export interface Snapshot {
  /** The names of its migrations, in their order. */
  migrations: string[]
  /** How many messages it has recorded to be published since it was made. */
  said: number
}

/**
 * Copies the database at `from`, as it is at this moment, to the new file `to`; whoever writes meanwhile is not kept waiting.
 * The copy is read whole once.
 *
 * @throws BrokenError `database_damaged` when the copy is not whole
 */
export async function copySqlite(from: string, to: string, progress: (share: number) => void): Promise<Snapshot> {
  const source = new Sqlite(from, { readonly: true, fileMustExist: true })
  try {
    // An open read keeps what is copied as it is. Without one, each commit of another process would begin the copy anew.
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
    // Of one that is whole by itself, nothing is beside it.
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

/** What the database at `path` has come to, or undefined where there is none. Whoever uses it goes on. */
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
 * Lets the file at `path`, which nobody has open, give back what is deleted, as a new one does: it is written anew once, for which the
 * disk needs room for a second one. One that does so already stays as it is.
 */
export function convertSqlite(path: string): void {
  const database = new Sqlite(path, { fileMustExist: true })
  try {
    if (database.pragma('auto_vacuum', { simple: true }) === INCREMENTAL) return
    database.pragma('auto_vacuum = incremental')
    // Only then does it hold for a file that has tables (sqlite.org, "PRAGMA auto_vacuum").
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

/** Whether any process has the database open: SQLite gives it to one alone only when nobody else does (sqlite.org, "PRAGMA locking_mode"). */
export function isSqliteInUse(path: string): boolean {
  if (!existsSync(path)) return false
  const database = new Sqlite(path, { timeout: 0 })
  try {
    database.pragma('locking_mode = exclusive')
    database.exec('begin exclusive; commit')
    return false
  } catch (thrown) {
    if (errorCode(asError(thrown)).startsWith('SQLITE_BUSY')) return true
    // What is no database is nobody's.
    return false
  } finally {
    database.close()
  }
}
