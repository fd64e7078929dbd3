// audit-service's SQL: events are only ever added.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Sql } from '@orders/shared/storage'
import { type Entry, GENESIS, type Head, type Verdict, verify } from './domain.ts'

type Reader = Pick<Sql, 'all' | 'get'>

const COLUMNS = `sequence, id, type, subject, source, time, received_at as "receivedAt", causation_id as "causationId",
  body, hash`

/** The key of the chain's end: every entry continues the one before it. */
export const HEAD_KEY = 'head'

export async function headOf(tx: Reader): Promise<Head> {
  return (await tx.get<Head>('select sequence, hash from events order by sequence desc limit 1')) ?? GENESIS
}

/** Does nothing when the event is kept already. */
export async function append(tx: Sql, entry: Entry): Promise<void> {
  await tx.run(
    `insert into events (sequence, id, type, subject, source, time, received_at, causation_id, body, hash)
     values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     on conflict (id) do nothing`,
    entry.sequence,
    entry.id,
    entry.type,
    entry.subject,
    entry.source,
    entry.time,
    entry.receivedAt,
    entry.causationId,
    entry.body,
    entry.hash,
  )
}

/** More than an order can have, even one whose notifications were replayed for weeks. */
const STORY_MAX = 1_000

/** The events of one order, in the order in which they were kept. */
export async function eventsOf(sql: Reader, subject: string): Promise<Entry[]> {
  return sql.all<Entry>(`select ${COLUMNS} from events where subject = ? order by sequence limit ${STORY_MAX}`, subject)
}

export interface Page {
  /** Only what was kept after this sequence. */
  after: number
  /** Only what was kept before it. */
  before?: number | undefined
  type?: string | undefined
  source?: string | undefined
  orderId?: string | undefined
  /** The newest first, instead of the oldest. */
  newestFirst?: boolean
  limit: number
}

export async function listEvents(sql: Reader, page: Page): Promise<Entry[]> {
  const wanted = [
    { condition: 'type = ?', value: page.type },
    { condition: 'source = ?', value: page.source },
    { condition: 'subject = ?', value: page.orderId },
    { condition: 'sequence > ?', value: page.after },
    { condition: 'sequence < ?', value: page.before },
  ].flatMap(({ condition, value }) => (value === undefined ? [] : [{ condition, value }]))
  return sql.all<Entry>(
    `select ${COLUMNS} from events
     where ${wanted.map(({ condition }) => condition).join(' and ')}
     order by sequence ${page.newestFirst ? 'desc' : 'asc'} limit ?`,
    ...wanted.map(({ value }) => value),
    page.limit,
  )
}

const VERIFY_BATCH = 1_000

/** Reads the whole log, a batch at a time, and stops at the first entry that breaks the chain. */
export async function verifyAll(sql: Reader): Promise<Verdict> {
  let verdict: Verdict = verify(GENESIS, [])
  for (let more = true; more && verdict.ok; ) {
    const entries = await sql.all<Entry>(
      `select ${COLUMNS} from events where sequence > ? order by sequence limit ${VERIFY_BATCH}`,
      verdict.head.sequence,
    )
    verdict = verify(verdict.head, entries)
    more = entries.length === VERIFY_BATCH
    // SQLite answers without leaving the event loop; between batches the service must go on keeping events.
    await nextTurn()
  }
  return verdict
}
