// The PostgreSQL driver: a few connections that write, a few that read, and no round trip for a statement without an answer.
import type { QueryResult } from 'pg'
import { asError, errorCode, TransientError } from '../runtime/errors.ts'
import type { Database, Parameter, Reader, Spent, Transaction } from './database.ts'
import { lockIds } from './lock-ids.ts'
import { type Connection, type Connections, ensureDatabase, openPool, type Target } from './postgres-connect.ts'
import { failureOf, isLost, isSilent } from './postgres-failures.ts'
import { unsealed } from './sealable.ts'

/** Parallel reads of a process. With the writers, this is how many of the server's connections each copy of a service uses. */
const READERS_MAX = 3
/** Parallel groups. */
const WRITERS_MAX = 3

/** `postgresUrlOf('postgres://…/{service}', 'order-service')` → `postgres://…/order-service` */
export function postgresUrlOf(url: string, service: string): string {
  return url.replaceAll('{service}', service)
}

/**
 * Opens the database at the target's URL. Creates it if it does not exist and the role may. After a lost connection, the next
 * statement opens a new one.
 *
 * @throws BrokenError `database_missing`, `database_refused` with what to run; TransientError `database_unavailable` when no
 * server answers for half a minute
 */
export async function openPostgres(target: Target): Promise<Database> {
  await ensureDatabase(target)
  const writer = openPool(target, { max: WRITERS_MAX, pipeline: true })
  const reader = openPool(target, { max: READERS_MAX })
  const spent = { statements: 0, roundTrips: 0 }
  const read = reading(reader, spent)
  const underWay = new Set<Promise<unknown>>()

  async function run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const connection = await writer.take()
    const session = createSession(connection, spent)
    try {
      const result = await work(session.transaction)
      await session.commit()
      connection.release()
      return result
    } catch (error) {
      // If the connection cannot even roll back, it is discarded, and the server rolls back by itself.
      const broken = await session.rollback().then(() => undefined, asError)
      connection.release(broken ?? isLost(error))
      throw isLost(error) && !isSilent(error) ? connectionLost(error) : error
    }
  }

  const transaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    const result = run(work)
    const ended = result.catch(() => undefined).finally(() => underWay.delete(ended))
    underWay.add(ended)
    return result
  }

  return {
    dialect: 'postgres',
    writersMax: WRITERS_MAX,
    spent,
    ...read,
    run: (sql, ...values) => transaction((tx) => tx.run(sql, ...values)),
    transaction,
    walBytes: () => 0,
    giveBack: async () => 0,
    emptyWal: async () => true,
    async close() {
      await Promise.all(underWay)
      await Promise.all([writer.end(), reader.end()])
    },
  }
}

function reading(pool: Connections, spent: Spent): Reader {
  const query = async (sql: string, values: Parameter[]) => {
    const connection = await pool.take()
    try {
      spent.statements += 1
      spent.roundTrips += 1
      const result = await connection.ask(prepared(sql, values))
      connection.release()
      return result
    } catch (thrown) {
      const error = failureOf(thrown)
      connection.release(isLost(error))
      throw error
    }
  }
  // Decoding edge: a store writes each statement and the type of its rows side by side.
  return {
    all: async <R>(sql: string, ...values: Parameter[]) => (await query(sql, values)).rows as R[],
    get: async <R>(sql: string, ...values: Parameter[]) => (await query(sql, values)).rows[0] as R | undefined,
  }
}

interface Session {
  transaction: Transaction
  commit(): Promise<void>
  rollback(): Promise<void>
}

interface Statement {
  text: string
  values?: Parameter[]
  name?: string
}

/**
 * One transaction on one connection. Statements without an answer (begin, lock) are held back and sent in one packet with the
 * next statement that has an answer, so they cost no round trip. If one of them fails, the server refuses the statements after
 * it. The next statement then throws the first failure.
 */
function createSession({ ask, stream }: Connection, spent: Spent): Session {
  let held: Statement[] = [{ text: 'begin' }]
  let hasBegun = false
  let hasEnded = false
  let underWay = 0
  let isCorked = false
  let fault: Error | undefined

  /** Everything sent in one turn of the event loop leaves in one packet. */
  function corkForThisTick(): void {
    if (isCorked) return
    isCorked = true
    stream.cork()
    process.nextTick(() => {
      isCorked = false
      stream.uncork()
    })
  }

  async function send(statement: Statement): Promise<QueryResult> {
    corkForThisTick()
    spent.statements += held.length + 1
    // A statement that is sent while another is unanswered waits together with it.
    if (underWay === 0) spent.roundTrips += 1
    underWay += 1
    for (const before of held)
      ask(before).catch((error: unknown) => {
        fault ??= failureOf(error)
      })
    held = []
    hasBegun = true
    try {
      return await ask(statement)
    } catch (error) {
      const failure = failureOf(error)
      fault ??= failure
      // The server refuses all statements after the first failure, so report that one, whichever answer comes first.
      throw errorCode(failure) === IN_FAILED_TRANSACTION ? fault : failure
    } finally {
      underWay -= 1
    }
  }

  /** A statement after the end would run in the next transaction of this connection. */
  async function statement(sql: string, values: Parameter[]): Promise<QueryResult> {
    if (hasEnded) throw new TransientError('transaction_lost', 'the transaction has ended')
    return send(prepared(sql, values))
  }

  return {
    transaction: {
      // Decoding edge, as in `reading`.
      all: async <R>(sql: string, ...values: Parameter[]) => (await statement(sql, values)).rows as R[],
      get: async <R>(sql: string, ...values: Parameter[]) => (await statement(sql, values)).rows[0] as R | undefined,
      run: async (sql, ...values) => (await statement(sql, values)).rowCount ?? 0,
      async lock(keys) {
        if (keys.length > 0) held.push(prepared(LOCK, [`{${lockIds(keys).join(',')}}`]))
      },
    },
    async commit() {
      hasEnded = true
      if (!hasBegun) return
      const { command } = await send({ text: 'commit' }).catch((error: unknown) => {
        throw isLost(error) ? commitUnknown(error) : error
      })
      // PostgreSQL answers the commit of a failed transaction with a rollback and no error.
      if (command !== 'COMMIT') throw lostBy(fault)
    },
    async rollback() {
      hasEnded = true
      held = []
      if (hasBegun) await send({ text: 'rollback' })
    },
  }
}

/** SQLSTATE of a statement after a failed one. */
const IN_FAILED_TRANSACTION = '25P02'

/** Locks in the order of the array, which is sorted. With one order for all, no deadlock is possible. */
const LOCK = 'select pg_advisory_xact_lock(id) from unnest(?::bigint[]) as id'

/** Unlike an unreachable server: a new connection may work at once. */
function connectionLost(cause: unknown): TransientError {
  return new TransientError('connection_lost', 'the connection was lost in a transaction', {
    cause,
    isInterrupted: true,
  })
}

function commitUnknown(cause: unknown): TransientError {
  return new TransientError('commit_unknown', 'the connection was lost while committing', {
    cause,
    isInterrupted: true,
  })
}

function lostBy(fault: Error | undefined): Error {
  if (fault instanceof TransientError) return fault
  return new TransientError('transaction_lost', 'the whole transaction was rolled back', { cause: fault })
}

const EACH = /\bin each\(\?\)/g
const texts = new Map<string, { text: string; name: string }>()

/**
 * Numbers the parameters (`$1` for each `?` outside a literal) and names the statement, so that each connection parses and
 * plans it once.
 */
function prepared(sql: string, values: Parameter[]): Statement {
  let known = texts.get(sql)
  if (!known) {
    let count = 0
    const text = sql
      .replace(EACH, '= any(?)')
      .replace(/'[^']*'|\?/g, (found) => (found === '?' ? `$${++count}` : found))
    known = { text, name: `s${texts.size}` }
    texts.set(sql, known)
  }
  return { ...known, values: values.map(unsealed) }
}
