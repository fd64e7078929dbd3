// The database of a simulated service: real SQL by the real driver over SQLite in memory. It outlives the service's processes.
// Each statement passes through its process; the transaction of a dead process is rolled back.
import Sqlite from 'better-sqlite3'
import { asError, TransientError } from '../../runtime/errors.ts'
import { type Database, type Parameter, sqliteOver, type Transaction } from '../../storage/index.ts'
import type { Faults } from './faults.ts'
import type { Process } from './process.ts'
import type { Tally } from './tally.ts'
import type { Time } from './time.ts'

/** The database of one service, shared by all its processes. */
export interface Store {
  connection: Sqlite.Database
  /** Resolves, in turn, when no other process is in a transaction. */
  enter(process: Process): Promise<void>
  leave(process: Process): void
}

export function createStore(time: Time): Store {
  const connection = new Sqlite(':memory:')
  connection.pragma('foreign_keys = ON')
  connection.exec(`attach ':memory:' as keys`)
  prepareOnce(connection)
  const waiting: { process: Process; go: () => void }[] = []
  let inside: Process | undefined

  function next(): void {
    inside = undefined
    for (let first = waiting.shift(); first; first = waiting.shift()) {
      if (!first.process.isAlive()) continue
      inside = first.process
      return first.go()
    }
  }

  return {
    connection,
    enter(process) {
      return new Promise((resolve) => {
        if (!process.isAlive()) return
        if (inside) return void waiting.push({ process, go: resolve })
        inside = process
        resolve()
      })
    },
    leave(process) {
      if (inside !== process) return
      if (process.isAlive()) return next()
      // The dead process's last statement runs first: it commits, or its transaction is rolled back here.
      time.schedule(0, () => {
        if (connection.inTransaction) connection.exec('rollback')
        next()
      })
    },
  }
}

/** Keeps prepared statements across starts, since preparing them is most of a start. */
function prepareOnce(connection: Sqlite.Database): void {
  const prepare = connection.prepare.bind(connection)
  const prepared = new Map<string, Sqlite.Statement>()
  const once = (sql: string) => {
    const statement = prepared.get(sql) ?? prepare(sql)
    prepared.set(sql, statement)
    return statement
  }
  Object.assign(connection, { prepare: once })
}

const noop = () => undefined

interface Surroundings {
  faults: Faults
  tally: Tally
}

/**
 * One connection for reads and writes. A read outside a transaction waits for the transaction to end, so it sees committed
 * data.
 */
export function openStore(store: Store, process: Process, { faults, tally }: Surroundings): Database {
  const { connection } = store
  const real = sqliteOver(connection, connection)
  process.atDeath(() => store.leave(process))

  /** Makes some statements fail. Some failures end the whole transaction, as a full disk does. */
  function tried<T>(effect: () => Promise<T>): Promise<T> {
    const fault = faults.statementFault()
    if (fault === undefined) return effect()
    tally.add('statement faults')
    if (fault === 'transaction' && connection.inTransaction) connection.exec('rollback')
    // The same error as the driver's.
    if (fault === 'transaction')
      return Promise.reject(new TransientError('disk_full', 'the disk is full', { isOutage: true }))
    return Promise.reject(Object.assign(new Error('the statement failed'), { code: 'SQLITE_ERROR' }))
  }

  /**
   * Behaves as the drivers do: statements run in the order of their calls, however many are awaited at a time. After one that
   * ended the transaction, all later ones get the same error. A process that dies after a statement might as well have died
   * before it, since everything is rolled back.
   */
  function guarded(tx: Transaction): Transaction {
    let before: Promise<unknown> | undefined
    let lost: Error | undefined

    function statement<T>(effect: () => Promise<T>): Promise<T> {
      const inTurn = () =>
        lost ? Promise.reject(lost) : tried(effect).catch((error: unknown) => Promise.reject(failed(asError(error))))
      const pause = process.wait('statement')
      const result = before || pause ? Promise.all([before, pause]).then(inTurn) : inTurn()
      const settled = result.then(noop, noop).finally(() => {
        if (before === settled) before = undefined
      })
      before = settled
      return result
    }

    function failed(error: Error): Error {
      if (!connection.inTransaction) lost ??= error
      return error
    }

    return {
      all: (text, ...values) => statement(() => tx.all(text, ...values)),
      get: (text, ...values) => statement(() => tx.get(text, ...values)),
      run: (text, ...values) => statement(() => tx.run(text, ...values)),
      lock: tx.lock,
    }
  }

  async function read<T>(effect: () => Promise<T>): Promise<T> {
    await process.wait('read')
    await store.enter(process)
    try {
      return await tried(effect)
    } finally {
      store.leave(process)
    }
  }

  async function transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    await process.wait('begin')
    await store.enter(process)
    try {
      return await real.transaction(async (tx) => {
        const result = await work(guarded(tx))
        await process.pass('commit', () => tried(async () => undefined))
        return result
      })
    } finally {
      store.leave(process)
      await process.wait('committed')
    }
  }

  return {
    dialect: 'sqlite',
    writersMax: real.writersMax,
    spent: real.spent,
    all: (text, ...values) => read(() => real.all(text, ...values)),
    get: (text, ...values) => read(() => real.get(text, ...values)),
    run: (text: string, ...values: Parameter[]) => transaction((tx) => tx.run(text, ...values)),
    transaction,
    walBytes: real.walBytes,
    giveBack: real.giveBack,
    emptyWal: () =>
      read(async () => {
        const [done] = await real.all<{ busy: number }>('pragma wal_checkpoint(truncate)')
        return done?.busy === 0
      }),
    close: async () => undefined,
  }
}
