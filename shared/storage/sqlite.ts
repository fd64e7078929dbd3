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
/** Four times what SQLite lets the log grow to by itself (sqlite.org, "wal_autocheckpoint"); more is cut off once it can be. */
const WAL_MAX_BYTES = 16 * 1_024 * 1_024

/**
 * Opens (and creates) the database file at `path`, and with it the one at `keysPath` as the schema `keys`. Several processes may share it: `begin immediate` takes the write
 * lock at once, since a deferred transaction that upgrades while another process writes fails with SQLITE_BUSY.
 */
export function openSqlite(path: string, keysPath?: string): Database {
  mkdirSync(dirname(path), { recursive: true })
  const writer = connect(path, keysPath)
  // SQLite's own waiting would hold up the event loop, and with it heartbeats, health and every other request.
  writer.pragma('busy_timeout = 0')
  // Readers of a WAL database never wait for its writer, so HTTP reads go on while a group commits.
  return sqliteOver(writer, connect(path, keysPath))
}

/** The driver over open connections, which it closes. With one for both, reads would see what is not committed yet. */
export function sqliteOver(writer: Sqlite.Database, reader: Sqlite.Database): Database {
  const spent = { statements: 0, roundTrips: 0 }
  const preparedWrite = preparing(writer, spent)
  const write = statements(preparedWrite)
  const read = statements(preparing(reader, spent))
  const walBytes = () => statSync(`${writer.name}-wal`, { throwIfNoEntry: false })?.size ?? 0
  let turn: Promise<unknown> = Promise.resolve()

  async function run<T>(work: (tx: Transaction) => Promise<T>, deadline: number): Promise<T> {
    // What somebody's long read has kept from being written back is written back before this group, which so begins the log anew.
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
      // SQLite has already rolled back by itself after some errors, a full disk among them.
      if (writer.inTransaction) await write.run('rollback')
      throw error
    }
  }

  const transaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    // From now, not from its turn: or who stands in line behind others waits as long again for each of them.
    const deadline = performance.now() + BUSY_TIMEOUT_MS
    const result = turn.then(() => run(work, deadline))
    turn = result.catch(() => undefined)
    return result
  }

  /** Of all its files (sqlite.org, "PRAGMA wal_checkpoint"). The writer waits for nobody: who reads for long keeps the log from its end. */
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

/** Of the database alone: the keys of people are few. */
function givenBack(writer: Sqlite.Database, pages: number, kept: number): number {
  if (writer.pragma('auto_vacuum', { simple: true }) !== INCREMENTAL) return 0
  const free = () => Number(writer.pragma('freelist_count', { simple: true }))
  const before = free()
  const count = Math.min(pages, before - kept)
  if (count <= 0) return 0
  // Run to its end, since each of its steps frees one page (sqlite.org, "PRAGMA incremental_vacuum").
  writer.exec(`pragma main.incremental_vacuum(${count})`)
  return before - free()
}

/** @throws TransientError `database_locked` when another process keeps the write lock for longer than anybody should. */
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

/** Two that make a new file at once get in each other's way here, and SQLite does not wait for its timeout then. */
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
  // Of a file that is new: so it can give back what was deleted. One that is there stays as it is.
  connection.pragma('auto_vacuum = incremental')
  writeAhead(connection, 'main')
  connection.pragma('synchronous = FULL')
  // What is deleted is overwritten (sqlite.org, "PRAGMA secure_delete"), or the keys of people would stay in free pages.
  connection.pragma('secure_delete = ON')
  connection.pragma('foreign_keys = ON')
  connection.pragma(`journal_size_limit = ${WAL_MAX_BYTES}`)
  return connection
}

/** What stands between a transaction and its statements. */
interface Guard {
  /** Throws when none may run. */
  check(): void
  failed(error: Error): void
}

/**
 * After some errors, a full disk among them, SQLite rolls the whole transaction back by itself and the connection
 * commits every further statement on its own. This refuses them, and says why, so that a half of a group is never saved. What
 * comes when the transaction has ended would run in somebody else's.
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

/** Prepared once for each text: preparing costs several times what running does. */
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
  // The casts are the decoding edge: a statement and the type of its rows are written side by side in a store.
  return {
    all: <R>(sql: string, ...values: Parameter[]) => asked(() => prepare(sql).all(...bound(values)) as R[]),
    get: <R>(sql: string, ...values: Parameter[]) => asked(() => prepare(sql).get(...bound(values)) as R | undefined),
    run: (sql, ...values) => asked(() => prepare(sql).run(...bound(values)).changes),
  }
}

const EACH = /\bin each\(\?\)/g
const EACH_OF_JSON = 'in (select value from json_each(?))'

/** A list goes in as JSON. */
function bound(values: Parameter[]): Value[] {
  return values.map((value) => (Array.isArray(value) ? JSON.stringify(value) : (unsealed(value) as Value)))
}

/** The disk is full, or fails (sqlite.org, "Result and Error Codes"): nobody's statement is at fault, and all may go well later. */
function failureOf(error: Error): Error {
  const code = errorCode(error)
  if (code === 'SQLITE_FULL') return outage('disk_full', error)
  return code.startsWith('SQLITE_IOERR') ? outage('disk_failed', error) : error
}

function outage(code: string, cause: Error): TransientError {
  return new TransientError(code, cause.message, { cause, isOutage: true })
}
