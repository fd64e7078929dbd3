// The SQLite driver: WAL, an fsync for every commit, one connection that writes and one that reads.
import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { asError, errorCode, TransientError } from '../runtime/errors.ts'
import type { Database, Parameter, Spent, Sql, Transaction, Value } from './database.ts'
import { unsealed } from './sealable.ts'
import { INCREMENTAL } from './sqlite-files.ts'

const BUSY_TIMEOUT_MS = 10_000
const BUSY_PAUSE_MS = 5
/**
 * Four times the size at which SQLite writes its log back by itself (sqlite.org, "wal_autocheckpoint"). A larger log is cut
 * when possible.
 */
const WAL_MAX_BYTES = 16 * 1_024 * 1_024

/**
 * Opens or creates the database file at `path`, and the file at `keysPath` as the schema `keys`. Several processes may share
 * it. Transactions use `begin immediate`, which takes the write lock at once: a deferred transaction that upgrades while
 * another process writes fails with SQLITE_BUSY.
 */
export function openSqlite(path: string, keysPath?: string): Database {
  mkdirSync(dirname(path), { recursive: true })
  const writer = connect(path, keysPath)
  // SQLite's own wait would block the event loop, and so heartbeats, health checks and all requests.
  writer.pragma('busy_timeout = 0')
  // Readers of a WAL database never wait for its writer, so HTTP reads go on during a group commit.
  return sqliteOver(writer, connect(path, keysPath))
}

/** The driver over open connections, which it closes. With one connection for both, reads would see uncommitted data. */
export function sqliteOver(writer: Sqlite.Database, reader: Sqlite.Database): Database {
  const spent = { statements: 0, roundTrips: 0 }
  const preparedWrite = preparing(writer, spent)
  const write = statements(preparedWrite)
  const read = statements(preparing(reader, spent))
  const walBytes = () => statSync(`${writer.name}-wal`, { throwIfNoEntry: false })?.size ?? 0
  let turn: Promise<unknown> = Promise.resolve()

  async function run<T>(work: (tx: Transaction) => Promise<T>, deadline: number): Promise<T> {
    // A long read may have kept the log from being written back. Write it back before this group, which then starts the log
    // anew.
    if (walBytes() > WAL_MAX_BYTES) await write.all('pragma wal_checkpoint(passive)')
    await begin(write, deadline)
    const inside = insideOf(writer)
    try {
      const result = await work({ ...statements(preparedWrite, inside), lock: async () => undefined })
      inside.end()
      await write.run('commit')
      return result
    } catch (error) {
      inside.end()
      // SQLite rolls back by itself after some errors, such as a full disk.
      if (writer.inTransaction) await write.run('rollback')
      throw error
    }
  }

  const transaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    // The deadline counts from the call. Counted from its turn, a queued transaction would wait the full time again behind each
    // other one.
    const deadline = performance.now() + BUSY_TIMEOUT_MS
    const result = turn.then(() => run(work, deadline))
    turn = result.catch(() => undefined)
    return result
  }

  /**
   * Empties the logs of both files (sqlite.org, "PRAGMA wal_checkpoint"). It does not wait for readers, so a long read makes it
   * return false.
   */
  const emptyWal = (): Promise<boolean> => {
    const result = turn.then(async () => {
      const [done] = await write.all<{ busy: number }>('pragma wal_checkpoint(truncate)')
      return done?.busy === 0
    })
    turn = result.catch(() => undefined)
    return result
  }

  return {
    dialect: 'sqlite',
    writersMax: 1,
    spent,
    all: read.all,
    get: read.get,
    run: (sql, ...values) => transaction((tx) => tx.run(sql, ...values)),
    transaction,
    walBytes,
    giveBack: (pages, kept) => transaction(async () => givenBack(writer, pages, kept)),
    emptyWal,
    async close() {
      await turn
      reader.close()
      writer.close()
    },
  }
}

/** Only of the main database. The file of personal keys is small. */
function givenBack(writer: Sqlite.Database, pages: number, kept: number): number {
  if (writer.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) return 0
  const free = () => Number(writer.pragma('freelist_count', { simple: true }))
  const before = free()
  const count = Math.min(pages, before - kept)
  if (count <= 0) return 0
  // `exec` runs it to its end; each step frees one page (sqlite.org, "PRAGMA incremental_vacuum").
  writer.exec(`pragma main.incremental_vacuum(${count})`)
  return before - free()
}

/** @throws TransientError `database_locked` when another process keeps the write lock past the deadline */
async function begin(sql: Sql, deadline: number): Promise<void> {
  for (; ; await delay(BUSY_PAUSE_MS)) {
    const error = await sql.run('begin immediate').then(() => undefined, asError)
    if (!error) return
    if (!errorCode(error).startsWith('SQLITE_BUSY')) throw error
    if (performance.now() > deadline)
      throw new TransientError('database_locked', 'another process holds the write lock', {
        cause: error,
        isOutage: true,
      })
  }
}

const WAL_LOOKS_MAX = 200
const WAL_LOOK_MS = 25

/** Two processes that create a file at once collide here, and SQLite does not apply its timeout in this case. */
function writeAhead(connection: Sqlite.Database, schema: string): void {
  for (let looks = 1; ; looks++) {
    try {
      connection.pragma(`${schema}.journal_mode = WAL`)
      return
    } catch (thrown) {
      const isBusy = thrown instanceof Sqlite.SqliteError && thrown.code.startsWith('SQLITE_BUSY')
      if (!isBusy || looks === WAL_LOOKS_MAX) throw thrown
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, WAL_LOOK_MS)
    }
  }
}

function connect(path: string, keysPath?: string): Sqlite.Database {
  const connection = new Sqlite(path, { timeout: BUSY_TIMEOUT_MS })
  if (keysPath !== undefined) {
    connection.prepare('attach ? as keys').run(keysPath)
    connection.pragma('keys.auto_vacuum = incremental')
    writeAhead(connection, 'keys')
    connection.pragma('keys.synchronous = FULL')
  }
  // Lets a new file return deleted pages to the disk. An existing file keeps its setting.
  connection.pragma('auto_vacuum = incremental')
  writeAhead(connection, 'main')
  connection.pragma('synchronous = FULL')
  // Overwrites deleted data (sqlite.org, "PRAGMA secure_delete"). Otherwise personal keys would remain in free pages.
  connection.pragma('secure_delete = ON')
  connection.pragma('foreign_keys = ON')
  connection.pragma(`journal_size_limit = ${WAL_MAX_BYTES}`)
  return connection
}

/** Checks each statement of a transaction. */
interface Guard {
  /** Throws if no statement may run. */
  check(): void
  failed(error: Error): void
}

/**
 * After some errors, such as a full disk, SQLite rolls back the whole transaction by itself. The connection then commits every
 * further statement on its own. This guard refuses those statements with the reason, so that half a group is never saved. It
 * also refuses statements after the end, which would run in another transaction.
 */
function insideOf(connection: Sqlite.Database): Guard & { end(): void } {
  let fault: Error | undefined
  let hasEnded = false
  return {
    check() {
      if (hasEnded) throw new TransientError('transaction_lost', 'the transaction has ended')
      if (!connection.inTransaction)
        throw fault ?? new TransientError('transaction_lost', 'SQLite rolled the transaction back')
    },
    failed(error) {
      if (!connection.inTransaction) fault ??= error
    },
    end() {
      hasEnded = true
    },
  }
}

type Prepare = (sql: string) => Sqlite.Statement<Value[], unknown>

/** Prepares each text once, since preparing costs several times as much as running. */
function preparing(connection: Sqlite.Database, spent: Spent): Prepare {
  const prepared = new Map<string, Sqlite.Statement<Value[], unknown>>()
  return (sql) => {
    spent.statements += 1
    const known = prepared.get(sql) ?? connection.prepare<Value[], unknown>(sql.replace(EACH, EACH_OF_JSON))
    prepared.set(sql, known)
    return known
  }
}

const unguarded: Guard = { check: () => undefined, failed: () => undefined }

function statements(prepare: Prepare, guard = unguarded): Sql {
  const asked = async <T>(ask: () => T): Promise<T> => {
    guard.check()
    try {
      return ask()
    } catch (thrown) {
      const error = failureOf(asError(thrown))
      guard.failed(error)
      throw error
    }
  }
  // Decoding edge: a store writes each statement and the type of its rows side by side.
  return {
    all: <R>(sql: string, ...values: Parameter[]) => asked(() => prepare(sql).all(...bound(values)) as R[]),
    get: <R>(sql: string, ...values: Parameter[]) => asked(() => prepare(sql).get(...bound(values)) as R | undefined),
    run: (sql, ...values) => asked(() => prepare(sql).run(...bound(values)).changes),
  }
}

const EACH = /\bin each\(\?\)/g
const EACH_OF_JSON = 'in (select value from json_each(?))'

/** A list is passed as JSON. */
function bound(values: Parameter[]): Value[] {
  return values.map((value) => (Array.isArray(value) ? JSON.stringify(value) : (unsealed(value) as Value)))
}

/** The disk is full or fails (sqlite.org, "Result and Error Codes"). No statement is at fault, and later ones may succeed. */
function failureOf(error: Error): Error {
  const code = errorCode(error)
  if (code === 'SQLITE_FULL') return outage('disk_full', error)
  return code.startsWith('SQLITE_IOERR') ? outage('disk_failed', error) : error
}

function outage(code: string, cause: Error): TransientError {
  return new TransientError(code, cause.message, { cause, isOutage: true })
}
