// Connects to PostgreSQL: limits of the pools, numbers as JavaScript numbers, and creation of a missing database.
import { setTimeout as delay } from 'node:timers/promises'
import {
  Client,
  type ClientBase,
  type ClientConfig,
  DatabaseError,
  escapeIdentifier,
  Pool,
  type PoolConfig,
  type QueryConfig,
  type QueryResult,
  types,
} from 'pg'
import { asError, BrokenError, PermanentError } from '../runtime/errors.ts'
import { failureOf, isLost } from './postgres-failures.ts'
import { SilentError, type Watch, watchOver } from './postgres-silence.ts'

/** After this time without an answer, the server is asked over another connection. It then has as long again. */
const ANSWER_MS = 5_000
const STATEMENT_TIMEOUT_MS = 30_000
/** As long as SQLite waits for another process. */
const LOCK_TIMEOUT_MS = 10_000
/** A frozen copy, or one whose host is gone, holds its locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 15_000
/** An idle connection is probed after this time. Ten more seconds decide that it is dead. */
const KEEP_ALIVE_MS = 10_000
/** PostgreSQL may still be starting when a service starts. */
const START_PATIENCE_MS = 30_000
const START_PAUSE_MS = 250
/** `create database` copies a template. On a slow disk that takes longer than the usual limit. */
const CREATE_TAKES = 3

/** How to reach one database. */
export interface Target {
  url: string
  service: string
  /** How long a connection may owe an answer before the server is asked about it. After twice this time it is given up. */
  answerMs?: number
}

/** A connection for one user until it is released. Each statement is answered or rejected in finite time. */
export interface Connection {
  ask(statement: QueryConfig): Promise<QueryResult>
  stream: Client['connection']['stream']
  /** With a reason, the connection is discarded. */
  release(broken?: Error | boolean): void
}

export interface Connections {
  /** @throws TransientError `database_unavailable` */
  take(): Promise<Connection>
  /** Ends all connections, even if the server does not answer. */
  end(): Promise<void>
}

/** The caller ends the pool. */
export function openPool(target: Target, own: PoolConfig): Connections {
  const { answerMs = ANSWER_MS } = target
  const watches = new Map<Client, Watch>()

  async function watched(client: Client): Promise<void> {
    let pid: number | undefined
    const watch = watchOver(client, answerMs, async () => pid !== undefined && isAtWork(target, pid))
    watches.set(client, watch)
    client.once('end', () => watches.delete(client))
    // The pid sent at connection start is not used, since a connection pooler sends its own.
    const { rows } = await watch.answered(client.query<{ pid: number }>('select pg_backend_pid() as pid'))
    pid = rows[0]?.pid
  }

  // The pool creates no other clients, so the cast is safe.
  const onConnect = (client: ClientBase) => watched(client as Client)
  const pool = new Pool({ ...settings(target), idleTimeoutMillis: 0, ...own, onConnect })
  // A dead connection also fails its statements. Without these listeners its event would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))

  return {
    async take() {
      const client = await pool.connect().catch((error: unknown) => {
        throw failureOf(error)
      })
      const ask = (statement: QueryConfig) => {
        const asked = client.query(statement)
        return watches.get(client)?.answered(asked) ?? asked
      }
      return { ask, stream: client.connection.stream, release: (broken) => client.release(broken) }
    },
    async end() {
      const open = [...watches.keys()]
      await pool.end()
      // The client has said goodbye. An unanswered one must not keep the process alive for longer.
      for (const client of open) {
        const { stream } = client.connection
        const timer = setTimeout(() => stream.destroy(), answerMs)
        stream.once('close', () => clearTimeout(timer))
        if (stream.destroyed) clearTimeout(timer)
      }
    },
  }
}

/** Asks over another connection whether the server works on this one, since this one is silent. */
async function isAtWork(target: Target, pid: number): Promise<boolean> {
  const { answerMs = ANSWER_MS } = target
  const asked = withClient(settings(target), answerMs, (client) =>
    client.query<{ state: string }>('select state from pg_stat_activity where pid = $1', [pid]),
  )
  return asked.then(
    ({ rows: [session] }) => session !== undefined && !session.state.startsWith('idle'),
    // No connection is free, so the server is alive.
    (error: unknown) => error instanceof DatabaseError && error.code === TOO_MANY_CONNECTIONS,
  )
}

const TOO_MANY_CONNECTIONS = '53300'

function settings({ url, service, answerMs = ANSWER_MS }: Target): ClientConfig {
  return {
    connectionString: url,
    application_name: service,
    connectionTimeoutMillis: answerMs,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser: (oid, format) => (NUMBERS.has(oid) ? exactNumber : types.getTypeParser(oid, format)) },
  }
}

/** bigint, and numeric, which is the type of a sum of bigint. pg returns both as text. */
const NUMBERS = new Set<number>([types.builtins.INT8, types.builtins.NUMERIC])

function exactNumber(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && !Number.isSafeInteger(number))
    throw new PermanentError('number_too_large', `${text} cannot be represented exactly as a number`)
  return number
}

/** Waits until the server answers, and creates the database if it is missing. */
export async function ensureDatabase(target: Target): Promise<void> {
  for (const deadline = performance.now() + START_PATIENCE_MS; ; await delay(START_PAUSE_MS)) {
    const error = await there(target).then(() => undefined, asError)
    if (!error) return
    if (error instanceof DatabaseError && error.code?.startsWith('28'))
      throw new BrokenError('database_refused', `DATABASE_URL: PostgreSQL refuses this role: ${error.message}`)
    const failure = failureOf(error)
    if (!isLost(failure) || performance.now() > deadline) throw failure
  }
}

async function there(target: Target): Promise<void> {
  const { answerMs = ANSWER_MS } = target
  const error = await withClient(settings(target), answerMs, async () => undefined).then(() => undefined, asError)
  if (error instanceof DatabaseError && error.code === '3D000') await createDatabase(target)
  else if (error) throw error
}

async function createDatabase({ url, service, answerMs = ANSWER_MS }: Target): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  const statement = `create database ${escapeIdentifier(name)} encoding 'UTF8' template template0`
  const anyDatabase = new URL(url)
  anyDatabase.pathname = '/postgres'
  const config = settings({ url: anyDatabase.toString(), service, answerMs })
  const create = (client: Client) => client.query(statement)
  const error = await withClient(config, answerMs * CREATE_TAKES, create).then(() => undefined, asError)
  if (!error) return
  // Another service, or another copy, may have created it first.
  if (error instanceof DatabaseError && (error.code === '42P04' || error.code === '23505')) return
  if (isLost(failureOf(error))) throw error
  throw new BrokenError(
    'database_missing',
    `DATABASE_URL: the database ${name} does not exist and this role may not create it (${error.message}). Run as an administrator: ${statement}`,
    { cause: error },
  )
}

/** Opens a connection for `work`. Fails if connecting and work together take longer than `limitMs`. */
async function withClient<T>(config: ClientConfig, limitMs: number, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client(config)
  client.on('error', () => undefined)
  const timer = setTimeout(() => {
    client.connection.stream.destroy(new SilentError(`PostgreSQL did not answer within ${limitMs} ms`))
  }, limitMs)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
    clearTimeout(timer)
  }
}
