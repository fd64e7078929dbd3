// The PostgreSQL driver: one connection that writes, a few that read, and no round trip for a statement without an answer.
import type { Client, Pool, PoolClient, QueryResult } from 'pg'
import { asError, TransientError } from '../runtime/errors.ts'
import type { Database, Sql, Transaction, Value } from './database.ts'
import { lockIds } from './lock-ids.ts'
import { ensureDatabase, openPool } from './postgres-connect.ts'
import { failureOf, isLost } from './postgres-failures.ts'

/** Reads under way at one time in a process; with the one that writes, what each copy of a service takes of the server's connections. */
const READERS_MAX = 3

/** `postgresUrlOf('postgres://…/{service}', 'order-service')` → `postgres://…/order-service` */
export function postgresUrlOf(url: string, service: string): string {
  return url.replaceAll('{service}', service)
}

/**
 * Opens the database at `url`, and creates it when it does not exist and the role may. Connections that are lost come
 * back with the next statement.
 *
 * @throws BrokenError `database_missing`, `database_refused` with what to run; TransientError `database_unavailable`
 * when no server answers for half a minute.
 */
export async function openPostgres(url: string, service: string): Promise<Database> {
  await ensureDatabase(url, service)
  const writer = openPool(url, service, { max: 1, pipeline: true })
  const reader = openPool(url, service, { max: READERS_MAX })
  const read = reading(reader)
  let turn: Promise<unknown> = Promise.resolve()

  async function run<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await checkedOut(writer)
    const session = createSession(client)
    try {
      const result = await work(session.transaction)
      await session.commit()
      client.release()
      return result
    } catch (error) {
      // A connection that cannot even roll back is thrown away, and the server rolls back by itself.
      const broken = await session.rollback().then(() => undefined, asError)
      client.release(broken ?? isLost(error))
      throw isLost(error) ? connectionLost(error) : error
    }
  }

  const transaction = <T>(work: (tx: Transaction) => Promise<T>): Promise<T> => {
    const result = turn.then(() => run(work))
    turn = result.catch(() => undefined)
    return result
  }

  return {
    dialect: 'postgres',
    ...read,
    run: (sql, ...values) => transaction((tx) => tx.run(sql, ...values)),
    transaction,
    async close() {
      await turn
      await Promise.all([writer.end(), reader.end()])
    },
  }
}

async function checkedOut(pool: Pool): Promise<PoolClient> {
  return pool.connect().catch((error: unknown) => {
    throw failureOf(error)
  })
}

function reading(pool: Pool): Pick<Sql, 'all' | 'get'> {
  const query = async (sql: string, values: Value[]) => {
    const client = await checkedOut(pool)
    try {
      const result = await client.query(prepared(sql, values))
      client.release()
      return result
    } catch (thrown) {
      const error = failureOf(thrown)
      client.release(isLost(error))
      throw error
    }
  }
  // The casts are the decoding edge: a statement and the type of its rows are written side by side in a store.
  return {
    all: async <R>(sql: string, ...values: Value[]) => (await query(sql, values)).rows as R[],
    get: async <R>(sql: string, ...values: Value[]) => (await query(sql, values)).rows[0] as R | undefined,
  }
}

interface Session {
  transaction: Transaction
  commit(): Promise<void>
  rollback(): Promise<void>
}

interface Statement {
  text: string
  values?: Value[]
  name?: string
}

/**
 * One transaction on one connection. Statements without an answer (begin, lock, savepoint, release) are held back and
 * leave in one packet with the next one that has one: they cost no round trip. Should one of them fail, the server
 * refuses what follows, and its own failure is what the next statement throws.
 */
function createSession(client: Client): Session {
  let held: Statement[] = [{ text: 'begin' }]
  let hasBegun = false
  let fault: Error | undefined

  async function send(statement: Statement): Promise<QueryResult> {
    const { stream } = client.connection
    stream.cork()
    for (const before of held)
      client.query(before).catch((error: unknown) => {
        fault ??= failureOf(error)
      })
    held = []
    hasBegun = true
    const answer = client.query(statement)
    stream.uncork()
    return answer.catch((error: unknown) => {
      const failure = failureOf(error)
      if (isLost(failure)) fault ??= failure
      throw fault ?? failure
    })
  }

  async function savepoint<T>(work: () => Promise<T>): Promise<T> {
    const opening = { text: 'savepoint work' }
    held.push(opening)
    try {
      const result = await work()
      if (held.at(-1) === opening) held.pop()
      else held.push({ text: 'release work' })
      return result
    } catch (error) {
      if (fault) throw lostBy(fault)
      if (held.at(-1) === opening) held.pop()
      else held.push({ text: 'rollback to work' }, { text: 'release work' })
      throw error
    }
  }

  const statement = (sql: string, values: Value[]) => send(prepared(sql, values))
  return {
    transaction: {
      // The casts are the decoding edge, as for reading.
      all: async <R>(sql: string, ...values: Value[]) => (await statement(sql, values)).rows as R[],
      get: async <R>(sql: string, ...values: Value[]) => (await statement(sql, values)).rows[0] as R | undefined,
      run: async (sql, ...values) => (await statement(sql, values)).rowCount ?? 0,
      async lock(keys) {
        if (keys.length > 0) held.push(prepared(LOCK, [`{${lockIds(keys).join(',')}}`]))
      },
      savepoint,
    },
    async commit() {
      if (!hasBegun) return
      const { command } = await send({ text: 'commit' }).catch((error: unknown) => {
        throw isLost(error) ? commitUnknown(error) : error
      })
      // PostgreSQL answers the commit of a transaction that failed before with a rollback, and no error.
      if (command !== 'COMMIT') throw lostBy(fault)
    },
    async rollback() {
      held = []
      if (hasBegun) await send({ text: 'rollback' })
    },
  }
}

/** In the order of the array, which is that of the ids: whoever locks in the same order cannot wait in a circle. */
const LOCK = 'select pg_advisory_xact_lock(id) from unnest(?::bigint[]) as id'

/** Told from a server that cannot be reached at all: a new connection may be had at once. */
function connectionLost(cause: unknown): TransientError {
  return new TransientError('connection_lost', 'the connection was lost in a transaction', { cause })
}

function commitUnknown(cause: unknown): TransientError {
  return new TransientError('commit_unknown', 'the connection was lost while committing', { cause })
}

function lostBy(fault: Error | undefined): Error {
  if (fault instanceof TransientError) return fault
  return new TransientError('transaction_lost', 'the whole transaction was rolled back', { cause: fault })
}

const texts = new Map<string, { text: string; name: string }>()

/** With `$1` for each `?` outside of a literal, and a name: so each connection parses and plans a text once. */
function prepared(sql: string, values: Value[]): Statement {
  let known = texts.get(sql)
  if (!known) {
    let count = 0
    const text = sql.replace(/'[^']*'|\?/g, (found) => (found === '?' ? `$${++count}` : found))
    known = { text, name: `s${texts.size}` }
    texts.set(sql, known)
  }
  return { ...known, values }
}
