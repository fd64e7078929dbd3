// How PostgreSQL is reached: the pools' limits, numbers as numbers, and a database that is created when it is missing.
import { setTimeout as delay } from 'node:timers/promises'
import { Client, type ClientConfig, DatabaseError, escapeIdentifier, Pool, type PoolConfig, types } from 'pg'
import { asError, BrokenError, PermanentError } from '../runtime/errors.ts'
import { failureOf, isLost } from './postgres-failures.ts'

const CONNECT_TIMEOUT_MS = 5_000
const STATEMENT_TIMEOUT_MS = 30_000
/** As long as SQLite's patience with another process. */
const LOCK_TIMEOUT_MS = 10_000
/** A copy that is frozen, or whose host is gone, holds its locks no longer than this. */
const IDLE_IN_TRANSACTION_MS = 15_000
/** At a start PostgreSQL may be starting as well. */
const START_PATIENCE_MS = 30_000
const START_PAUSE_MS = 250

/** Whoever opens a pool ends it. */
export function openPool(url: string, service: string, own: PoolConfig): Pool {
  const pool = new Pool({ ...settings(url, service), idleTimeoutMillis: 0, ...own })
  // A connection that dies says so here and by its statements; unheard, the first would end the process.
  pool.on('error', () => undefined)
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

function settings(url: string, service: string): ClientConfig {
  return {
    connectionString: url,
    application_name: service,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    lock_timeout: LOCK_TIMEOUT_MS,
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    types: { getTypeParser: (oid, format) => (NUMBERS.has(oid) ? exactNumber : types.getTypeParser(oid, format)) },
  }
}

/** bigint, and numeric, which is what a sum of bigint is; pg gives both as text. */
const NUMBERS = new Set<number>([types.builtins.INT8, types.builtins.NUMERIC])

function exactNumber(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && !Number.isSafeInteger(number))
    throw new PermanentError('number_too_large', `${text} cannot be kept exactly as a number`)
  return number
}

/** Waits until the server answers, and creates the database if need be. */
export async function ensureDatabase(url: string, service: string): Promise<void> {
  for (const deadline = Date.now() + START_PATIENCE_MS; ; await delay(START_PAUSE_MS)) {
    const error = await withClient(settings(url, service), async () => undefined).then(() => undefined, asError)
    if (!error) return
    if (error instanceof DatabaseError && error.code === '3D000') return createDatabase(url, service)
    if (error instanceof DatabaseError && error.code?.startsWith('28'))
      throw new BrokenError('database_refused', `DATABASE_URL: PostgreSQL refuses this role: ${error.message}`)
    const failure = failureOf(error)
    if (!isLost(failure) || Date.now() > deadline) throw failure
  }
}

async function createDatabase(url: string, service: string): Promise<void> {
  const name = decodeURIComponent(new URL(url).pathname.slice(1))
  const statement = `create database ${escapeIdentifier(name)} encoding 'UTF8' template template0`
  const anyDatabase = new URL(url)
  anyDatabase.pathname = '/postgres'
  const error = await withClient(settings(anyDatabase.toString(), service), (client) => client.query(statement)).then(
    () => undefined,
    asError,
  )
  // Another service, or another copy of this one, may have been quicker.
  const isThere = error instanceof DatabaseError && (error.code === '42P04' || error.code === '23505')
  if (error && !isThere)
    throw new BrokenError(
      'database_missing',
      `DATABASE_URL: the database ${name} does not exist and this role may not create it (${error.message}). Run as an administrator: ${statement}`,
      { cause: error },
    )
}

async function withClient(config: ClientConfig, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(config)
  client.on('error', () => undefined)
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}
