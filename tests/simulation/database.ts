// The database of a service: real SQL by the real driver over SQLite in memory, which outlives the service's processes.
// Each statement passes the process that asks for it; a dead one's transaction is rolled back.
import { TransientError } from '@orders/shared/runtime'
import { type Database, type Sql, sqliteOver, type Transaction, type Value } from '@orders/shared/storage'
import Sqlite from 'better-sqlite3'
import type { Faults } from './faults.ts'
import type { Process } from './process.ts'
import type { Tally } from './tally.ts'
import type { Time } from './time.ts'

/** One service's, whoever its processes are. */
export interface Store {
  connection: Sqlite.Database
  /** Resolves, in turn, when nobody else is in a transaction. */
  enter(process: Process): Promise<void>
  leave(process: Process): void
}

export function createStore(time: Time): Store {
  const connection = new Sqlite(':memory:')
  connection.pragma('foreign_keys = ON')
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
      // What the dead one began in its last moment comes to its end first: committed, or taken back here.
      time.schedule(0, () => {
        if (connection.inTransaction) connection.exec('rollback')
        next()
      })
    },
  }
}

/** A process that starts again finds the statements of the last one: preparing them is most of a start. */
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

interface Surroundings {
  faults: Faults
  tally: Tally
}

/** One connection serves both: what is read outside of a transaction waits for it to end, and so sees what is committed. */
export function openStore(store: Store, process: Process, { faults, tally }: Surroundings): Database {
  const { connection } = store
  const real = sqliteOver(connection, connection)
  process.atDeath(() => store.leave(process))

  /** Some statements fail; some cost the whole transaction, as they do when the disk is full. */
  function tried<T>(effect: () => Promise<T>): Promise<T> {
    const fault = faults.statementFault()
    if (fault === undefined) return effect()
    tally.add('statement faults')
    if (fault === 'transaction' && connection.inTransaction) connection.exec('rollback')
    // As the driver says it.
    if (fault === 'transaction')
      return Promise.reject(new TransientError('disk_full', 'the disk is full', { isOutage: true }))
    return Promise.reject(Object.assign(new Error('the statement failed'), { code: 'SQLITE_ERROR' }))
  }

  /**
   * Dying after it is the same as dying before it: all of it is taken back. One that comes to its turn when its transaction
   * has failed by another must not meet the next: the drivers have none such, since theirs are sent when they are called.
   */
  function statement<T>(isOver: () => boolean, effect: () => Promise<T>): Promise<T> {
    const inTurn = () =>
      isOver() ? Promise.reject(new TransientError('transaction_lost', 'it is over')) : tried(effect)
    const pause = process.wait('statement')
    return pause ? pause.then(inTurn) : inTurn()
  }

  const guarded = (sql: Sql, isOver: () => boolean): Sql => ({
    all: (text, ...values) => statement(isOver, () => sql.all(text, ...values)),
    get: (text, ...values) => statement(isOver, () => sql.get(text, ...values)),
    run: (text, ...values) => statement(isOver, () => sql.run(text, ...values)),
  })

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
    let isOver = false
    await process.wait('begin')
    await store.enter(process)
    try {
      return await real.transaction(async (tx) => {
        const result = await work({ ...tx, ...guarded(tx, () => isOver) })
        await process.pass('commit', () => tried(async () => undefined))
        return result
      })
    } finally {
      isOver = true
      store.leave(process)
      await process.wait('committed')
    }
  }

  return {
    dialect: 'sqlite',
    all: (text, ...values) => read(() => real.all(text, ...values)),
    get: (text, ...values) => read(() => real.get(text, ...values)),
    run: (text: string, ...values: Value[]) => transaction((tx) => tx.run(text, ...values)),
    transaction,
    close: async () => undefined,
  }
}
