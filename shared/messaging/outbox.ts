// The outbox: messages recorded in the transaction that decided them, published right after it, forgotten once confirmed.
//
// Promise: what is committed is published at least once, whatever crashes when; what is not committed never is.
// The way of a row: recorded (in the group's transaction) → under way (from memory) → confirmed → deleted (inside a
// later group, so that forgetting costs no transaction of its own). What memory does not hold, because it is full or
// because another process died, is read from the table.
import { asError } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Log } from '../runtime/log.ts'
import type { Database, Sql } from '../storage/index.ts'
import type { Broker, Properties, Publication } from './broker.ts'

interface Options {
  database: Database
  broker: Broker
  log: Log
  now: () => Date
  /** Most messages under way from memory; beyond it they wait in the table. */
  underWayMax?: number
}

export interface Recorded {
  sequence: number
  publication: Publication
}

export interface Outbox {
  /** Inside the transaction that decides them. */
  record(tx: Sql, publications: Publication[]): Promise<Recorded[]>
  /** After the commit. */
  send(recorded: Recorded[]): void
  /** Deletes confirmed rows; returns what to call when the transaction has committed. */
  forget(tx: Sql): Promise<() => void>
  /** Publishes the rows that memory does not hold: at start, and while there is room. */
  sweep(): Promise<void>
  /** Messages under way or confirmed but not yet forgotten. */
  pending(): { underWay: number; confirmed: number }
  close(): Promise<void>
}

const UNDER_WAY_MAX = 10_000
const SWEEP_BATCH = 500
/** Rows of a living copy are confirmed long before this; older ones were left behind by a dead one. */
const LEFT_BEHIND_AFTER_MS = 60_000
const FORGET_BATCH = 64
/** Later than every instant: a clock that was set back must not hide rows. */
const EVERYTHING = '9999'

export function createOutbox({ database, broker, log, now, underWayMax = UNDER_WAY_MAX }: Options): Outbox {
  const underWay = new Set<number>()
  let confirmed: number[] = []
  let leftInTable = false
  let sweeping: Promise<void> | undefined
  let closed = false

  function send({ sequence, publication }: Recorded): void {
    underWay.add(sequence)
    broker.publish(publication).then(
      () => {
        reached('confirmed')
        underWay.delete(sequence)
        confirmed.push(sequence)
        refill()
      },
      (error: unknown) => {
        underWay.delete(sequence)
        // The row stays. A closed broker is no news: it goes out at the next start.
        if (!closed)
          log.error({ messageId: publication.properties.messageId, err: asError(error) }, 'outbox: cannot publish')
      },
    )
  }

  /** What did not fit into memory follows when half of it is confirmed. */
  function refill(): void {
    if (!leftInTable || sweeping || closed || underWay.size >= underWayMax / 2) return
    sweep().catch((error: unknown) => {
      leftInTable = true
      log.warn({ err: asError(error) }, 'outbox: cannot read left-behind rows')
    })
  }

  async function forget(tx: Sql): Promise<() => void> {
    // A copy: confirms that arrive while this transaction runs belong to the next.
    const batch = [...confirmed]
    for (let at = 0; at < batch.length; at += FORGET_BATCH) await deleteRows(tx, batch.slice(at, at + FORGET_BATCH))
    return () => {
      confirmed = confirmed.slice(batch.length)
    }
  }

  async function readLeftBehind(olderThan: string): Promise<void> {
    if (olderThan === EVERYTHING) leftInTable = false
    for (let after = 0; !closed; ) {
      const rows = await database.all<OutboxRow>(
        'select sequence, exchange, routing_key, body, properties from outbox where sequence > ? and recorded_at <= ? order by sequence limit ?',
        after,
        olderThan,
        SWEEP_BATCH,
      )
      const known = new Set(confirmed)
      const fresh = rows.filter(({ sequence }) => !underWay.has(sequence) && !known.has(sequence))
      const fitting = fresh.slice(0, Math.max(0, underWayMax - underWay.size))
      for (const row of fitting) {
        send(publicationOf(row))
        reached('relay')
      }
      if (fitting.length > 0) log.info({ messages: fitting.length }, 'outbox: publishing what was left behind')
      if (fitting.length < fresh.length) {
        leftInTable = true
        return
      }
      const last = rows.at(-1)
      if (!last || rows.length < SWEEP_BATCH) return
      after = last.sequence
    }
  }

  function sweep(olderThan = EVERYTHING): Promise<void> {
    sweeping ??= readLeftBehind(olderThan).finally(() => {
      sweeping = undefined
      refill()
    })
    return sweeping
  }

  const orphans = setInterval(() => {
    const olderThan = new Date(now().getTime() - LEFT_BEHIND_AFTER_MS).toISOString()
    sweep(leftInTable ? EVERYTHING : olderThan).catch((error) =>
      log.warn({ err: error }, 'outbox: cannot look for left-behind rows'),
    )
  }, LEFT_BEHIND_AFTER_MS)
  orphans.unref()

  return {
    async record(tx, publications) {
      const at = now().toISOString()
      const recorded: Recorded[] = []
      for (const publication of publications)
        recorded.push({ sequence: await insertRow(tx, publication, at), publication })
      return recorded
    },
    send(recorded) {
      if (leftInTable || underWay.size + recorded.length > underWayMax) leftInTable = true
      else for (const row of recorded) send(row)
    },
    forget,
    sweep,
    pending: () => ({ underWay: underWay.size, confirmed: confirmed.length }),
    async close() {
      closed = true
      clearInterval(orphans)
      await sweeping
    },
  }
}

interface OutboxRow {
  sequence: number
  exchange: string
  routing_key: string
  body: string
  properties: string
}

async function insertRow(
  tx: Sql,
  { exchange, routingKey, body, properties }: Publication,
  at: string,
): Promise<number> {
  const row = await tx.get<{ sequence: number }>(
    'insert into outbox (exchange, routing_key, body, properties, recorded_at) values (?, ?, ?, ?, ?) returning sequence',
    exchange,
    routingKey,
    body.toString('utf8'),
    JSON.stringify(properties),
    at,
  )
  if (!row) throw new Error('an insert returned no row')
  return row.sequence
}

/** Always the same number of values, so that the statement is prepared once; none has the sequence 0. */
async function deleteRows(tx: Sql, sequences: number[]): Promise<void> {
  const padded = [...sequences, ...Array<number>(FORGET_BATCH - sequences.length).fill(0)]
  await tx.run(`delete from outbox where sequence in (${padded.map(() => '?').join(', ')})`, ...padded)
}

function publicationOf(row: OutboxRow): Recorded {
  // The cast is the decoding edge: the row was written by `insertRow`.
  const properties = JSON.parse(row.properties) as Properties
  const publication = { exchange: row.exchange, routingKey: row.routing_key, body: Buffer.from(row.body), properties }
  return { sequence: row.sequence, publication }
}
