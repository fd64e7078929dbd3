// A service that keeps personal data: keys, sealed tables, group commit and consumers, over the in-memory broker of its test.
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createGroupCommit } from '../../commit/group-commit.ts'
import { createOutbox } from '../../commit/outbox.ts'
import { about } from '../../commit/work.ts'
import { type Message, OrderCreated, registry } from '../../contracts/index.ts'
import { encode } from '../../messaging/envelope.ts'
import { openMaster } from '../../personal/master.ts'
import { openPersonal } from '../../personal/open.ts'
import { handleDue } from '../../retries/due.ts'
import { byKey, type Database, insert, migrate, openSqlite, sealable } from '../../storage/index.ts'
import type { State } from '../../storage/state.ts'
import { keepingLog, type MemoryBroker, scratchFolder } from '../../testing/index.ts'
import { consume } from '../consumer.ts'
import { startErasing } from '../erasing.ts'
import type { Handler } from '../handler.ts'
import { type Forgettable, keyOpener, keysConsumer } from '../keys.ts'
import { createOutage } from '../outage.ts'

export const ANN = 'cus_annannannannannannannannan'
export const NAME = 'Ann Ångström'
export const NOW = '2026-11-21T08:00:00.000Z'
export const masterKey = (text: string) => Buffer.alloc(32, text).toString('base64')
export const MIGRATIONS = join(import.meta.dirname, '..', '..', 'storage', 'migrations')

/** About somebody, by their id: what the test's services store. */
export const names: State<string | null> = {
  name: 'people',
  async load(sql, ids) {
    const rows = await sql.all<{ id: string; name: string | null }>(
      'select id, name from people where id in each(?)',
      ids,
    )
    return byKey(
      rows,
      ({ id }) => id,
      ({ name }) => name,
    )
  },
  save: (tx, changes) =>
    insert(
      tx,
      'people (id, name)',
      changes.map(({ key, after }) => [key, sealable(key, after)]),
      'on conflict (id) do update set name = excluded.name',
    ),
}

export function ordered(orderId: string, name = NAME): Message {
  const data = { user: 'ann', customerId: ANN, name, priority: 'standard' as const, lines: [{ sku: 'i', quantity: 1 }] }
  return OrderCreated.of(orderId, NOW, data)
}

/** What `keys.forgotten` has said, as a service hears it that reads nothing. */
export const saidIn = (memory: MemoryBroker): { service: string; forgotten: object[] }[] =>
  memory
    .messages('payment.keys.queue')
    .filter(({ properties }) => properties.type === 'keys.forgotten')
    .map(({ body }) => JSON.parse(body).data)

/** As a version says it that seals nothing. */
export const plain = (message: Message) => encode(registry, message, 'order-service', {})

export interface Stores {
  open(): Promise<{ database: Database; again(): Promise<Database>; remove(): Promise<void> }>
}

export const inFiles: Stores['open'] = async () => {
  const { path, remove } = await scratchFolder()
  const again = async () => openSqlite(join(path, 'test.db'), join(path, 'test.keys.db'))
  return { database: await again(), again, remove }
}

interface Options {
  memory: MemoryBroker
  database: Database
  master?: { masterKey: string; masterKeyPrevious?: string }
  isSealing?: boolean
  handlers?: Handler[]
  keyHandlers?: Handler[]
  forget?: (all: readonly Forgettable[]) => Promise<void>
  retryLookMs?: number
}

/** Closed when the test ends, or before by `close`. */
export async function openService(service: string, options: Options) {
  const { memory, database: stored, master = { masterKey: masterKey('one') }, isSealing = true } = options
  const { log, lines } = await keepingLog()
  const now = () => new Date()
  await migrate(stored, [MIGRATIONS])
  await stored.run('create table if not exists people (id text primary key, name text)')
  const parts = { database: stored, registry, master: openMaster({ ...master, dataDir: '' }, log), isSealing, log }
  const { vault, database, seal, crossing, open } = await openPersonal(parts)
  const broker = memory.connect(service)
  const outbox = createOutbox({ database, broker, log, now })
  let wake: (() => void) | undefined
  const rowDue = () => wake?.()
  const commit = createGroupCommit({ database, outbox, service, registry, now, seal, rowDue })
  const outage = createOutage({ database, log, now })
  const told = { service, version: '1.2.3', registry, log, now, open }
  const kernel = { ...told, broker, database, commit, outage }
  const { handlers, keyHandlers, forget, retryLookMs = 20 } = options
  const ofKeys = keysConsumer({ service, registry, vault, crossing, handlers: keyHandlers, forget })
  const queue = `${service.replace('-service', '')}.queue`
  const consumers = [ofKeys, ...(handlers ? [{ queue, prefetch: 10, handlers }] : [])].map((one) =>
    consume(kernel, one),
  )
  const due = handleDue(kernel, consumers, [], retryLookMs)
  wake = due.wake
  const erasing = startErasing({ service, database: stored, commit, vault, log, now }, 20)
  let isClosed = false
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await due.close()
    await erasing.close()
    outage.close()
    await broker.close(0)
    await Promise.allSettled([commit.close()])
    await outbox.close()
    await stored.close()
  }
  onTestFinished(close)
  const say = (...messages: Message[]) =>
    commit.submit({ reads: () => [], decide: () => ({ result: undefined, messages }) })
  const store = (id: string, name: string) =>
    commit.submit(about(names, id, () => ({ state: name, messages: [], result: undefined })))
  const openKey = keyOpener(vault, database, commit, now)
  return { database, stored, commit, vault, lines, say, store, openKey, open, crossing, close }
}
