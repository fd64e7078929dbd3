// A kernel over a database of its own, a SQLite file unless told, and the in-memory broker: what the tests of the kernel's rooms
// share.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createGroupCommit } from '../../commit/group-commit.ts'
import { createOutbox } from '../../commit/outbox.ts'
import { about, type Work } from '../../commit/work.ts'
import {
  InventoryReserved,
  type Message,
  OrderCreated,
  type Payment,
  registry,
  topology,
} from '../../contracts/index.ts'
import { listRetries } from '../../retries/retries.ts'
import { byKey, type Database, insert, migrate, openSqlite, type Transaction } from '../../storage/index.ts'
import type { State } from '../../storage/state.ts'
import type { OpenedDatabase } from '../../storage/test/database-suite.ts'
import { createMemoryBroker, keepingLog, type Schedule, scratchFolder } from '../../testing/index.ts'
import type { Outcome } from '../kernel.ts'
import { createOutage } from '../outage.ts'

export const NOW = '2026-11-21T08:00:00.000Z'
export const payment: Payment = {
  orderId: 'order-1',
  status: 'succeeded',
  totalCents: 500,
  reason: null,
  chargeId: 'ch_1',
  confirmBefore: null,
  updatedAt: NOW,
}
const MIGRATIONS = join(import.meta.dirname, '..', '..', 'storage', 'migrations')

/** The orders', of which this test's service is one. */
const testRegistry = { ...registry, sources: new Set(['/test-service']) }

interface Options {
  open?: () => Promise<OpenedDatabase>
  /** Stands between the kernel and its database, to count, delay or break what passes. */
  wrap?: (database: Database) => Database
  schedule?: Schedule
  underWayMax?: number
  groupMax?: number
  waitingMax?: number
  committed?: (members: number) => void
  rowDue?: () => void
}

async function openFile(): Promise<OpenedDatabase> {
  const folder = await scratchFolder()
  const path = join(folder.path, 'test.db')
  return { database: openSqlite(path), again: () => openSqlite(path), remove: folder.remove }
}

/** Everything is closed, and its database removed, when the test ends. */
export async function openKernel(options: Options = {}) {
  const { open = openFile, wrap = (database: Database) => database, schedule, underWayMax, ...group } = options
  const opened = await open()
  await migrate(opened.database, [MIGRATIONS])
  await opened.database.run('create table effects (id text primary key, note text not null)')
  const database = wrap(opened.database)
  const { log, lines } = await keepingLog()
  const memory = createMemoryBroker(topology, schedule)
  const broker = memory.connect('test')
  let elapsedMs = 0
  const now = () => new Date(Date.parse(NOW) + elapsedMs)
  const outbox = createOutbox({ database, broker, log, now, underWayMax })
  const service = 'test-service'
  const commit = createGroupCommit({ database, outbox, service, registry: testRegistry, now, ...group })
  const outage = createOutage({ database, log, now })
  const outcomes: Outcome[] = []
  const observe = (outcome: Outcome) => void outcomes.push(outcome)
  const kernel = {
    service,
    version: '1.2.3',
    broker,
    database,
    commit,
    outage,
    registry: testRegistry,
    log,
    now,
    observe,
  }
  onTestFinished(async () => {
    outage.close()
    await broker.close(0)
    await Promise.allSettled([commit.close()])
    await outbox.close()
    await opened.database.close()
    await opened.remove()
  })
  /** Lets this much of the kernel's time pass. */
  const pass = (ms: number) => {
    elapsedMs += ms
  }
  return { pass, kernel, memory, broker, database, again: opened.again, outbox, commit, lines, outcomes, log, now }
}

export type TestKernel = Awaited<ReturnType<typeof openKernel>>

export function reserved(orderId: string, totalCents = 500): Message {
  const lines = [{ sku: 'item1', quantity: 1, unitPriceCents: 500 }]
  return InventoryReserved.of(orderId, NOW, { user: 'gayal', priority: 'standard', lines, totalCents })
}

export function created(orderId: string): Message {
  const data = { user: 'gayal', priority: 'standard' as const, lines: [{ sku: 'item1', quantity: 1 }] }
  return OrderCreated.of(orderId, NOW, data)
}

/** Breaks its own contract: no amount is negative. */
export const invalid = (orderId: string) => reserved(orderId, -1)

/** The ids of everything ever published to a topic exchange, in the order of arrival: the audit's queue has them all. */
export function publishedIds({ memory }: TestKernel): unknown[] {
  return memory.messages('audit.queue').map(({ properties }) => properties.messageId)
}

/** What the members of these tests decide about: the rows of `effects`, each a note under its id. */
export const notes: State<string> = {
  name: 'effects',
  async load(sql, ids) {
    const rows = await sql.all<{ id: string; note: string }>('select id, note from effects where id in each(?)', ids)
    return byKey(
      rows,
      ({ id }) => id,
      ({ note }) => note,
    )
  },
  save: (tx, changes) =>
    insert(
      tx,
      'effects (id, note)',
      changes.map(({ key, after }) => [key, after]),
      'on conflict (id) do update set note = excluded.note',
    ),
}

/** A member that saves a row and says so. */
export const saving = (id: string): Work<string> =>
  about(notes, id, () => ({ state: 'test', result: id, messages: [reserved(id)] }))

/** A member that adds to a row, and tells what is there then. */
export const appending = (id: string, text: string): Work<string> =>
  about(notes, id, (note = '') => ({ state: note + text, result: note + text, messages: [] }))

export async function effects({ database }: TestKernel): Promise<string[]> {
  const rows = await database.all<{ id: string }>('select id from effects order by id')
  return rows.map(({ id }) => id)
}

/** What waits to be handled again, what is due first first. */
export const waiting = ({ database }: Pick<TestKernel, 'database'>) => listRetries(database, { limit: 100 })

export async function outboxRows({ database }: TestKernel): Promise<number> {
  const row = await database.get<{ rows: number }>('select count(*) as rows from outbox')
  return row?.rows ?? Number.NaN
}

/** Calls `around` with every transaction, which it may count, delay or break. */
export function around(
  database: Database,
  hook: (run: () => Promise<unknown>, tx: Transaction) => Promise<unknown>,
): Database {
  return {
    ...database,
    // The cast gives back the type that passing through `unknown` took away.
    transaction: <T>(work: (tx: Transaction) => Promise<T>) =>
      database.transaction((tx) => hook(() => work(tx), tx) as Promise<T>),
  }
}

export interface ManualTime {
  schedule: Schedule
  /** Lets this much time pass: runs what is due, in order. */
  advance(ms: number): void
}

/** Time that passes only when told. Without `holdingAll`, what is due at once still happens by itself. */
export function manualTime({ holdingAll = false } = {}): ManualTime {
  let elapsedMs = 0
  const due = new Set<{ atMs: number; work: () => void }>()
  return {
    schedule(delayMs, work) {
      if (delayMs === 0 && !holdingAll) {
        const immediate = setImmediate(work)
        return () => clearImmediate(immediate)
      }
      const entry = { atMs: elapsedMs + delayMs, work }
      due.add(entry)
      return () => due.delete(entry)
    },
    advance(ms) {
      const until = elapsedMs + ms
      const next = () => [...due].filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs)[0]
      for (let entry = next(); entry; entry = next()) {
        due.delete(entry)
        elapsedMs = Math.max(elapsedMs, entry.atMs)
        entry.work()
      }
      elapsedMs = until
    },
  }
}
