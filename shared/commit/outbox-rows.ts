// The SQL of the outbox: rows to publish, and which copy publishes each.

import type { Properties, Publication } from '../messaging/broker.ts'
import { insert, type Reader, type Sql } from '../storage/index.ts'

export interface Recorded {
  sequence: number
  publication: Publication
}

export const SWEEP_BATCH = 500
interface OutboxRow {
  sequence: number
  exchange: string
  routing_key: string
  body: string
  properties: string
}

const COLUMNS = 'sequence, exchange, routing_key, body, properties'

/** The rows of one copy, in their order. */
export async function ownRows(sql: Reader, self: string, after: number): Promise<Recorded[]> {
  const rows = await sql.all<OutboxRow>(
    `select ${COLUMNS} from outbox where claimed_by = ? and sequence > ? order by sequence limit ?`,
    self,
    after,
    SWEEP_BATCH,
  )
  return rows.map(publicationOf)
}

/** Those of the given rows that still exist and belong to this copy, in their order. */
export async function rowsOf(sql: Reader, self: string, sequences: number[]): Promise<Recorded[]> {
  const rows = await sql.all<OutboxRow>(
    `select ${COLUMNS} from outbox where claimed_by = ? and sequence in each(?) order by sequence`,
    self,
    sequences,
  )
  return rows.map(publicationOf)
}

/** Inserts all rows in one round trip. */
export async function insertRows(tx: Sql, publications: Publication[], { self, at }: Owner): Promise<Recorded[]> {
  const rows = await insert<{ sequence: number }>(
    tx,
    'outbox (exchange, routing_key, body, properties, claimed_by, claimed_at)',
    publications.map(({ exchange, routingKey, body, properties }) => [
      exchange,
      routingKey,
      body.toString('utf8'),
      JSON.stringify(properties),
      self,
      at,
    ]),
    'returning sequence',
  )
  // Rows are numbered in their order but may be returned in any (sqlite.org, "RETURNING", section 2).
  const sequences = rows.map(({ sequence }) => sequence).sort((one, other) => one - other)
  return publications.map((publication, index) => ({ sequence: sequences[index] ?? Number.NaN, publication }))
}

export interface Owner {
  self: string
  at: string
}

interface Claim extends Owner {
  from: string
  until: string
  /** A copy seen after this instant keeps its rows. */
  seenAfter: string
  skipLocked: boolean
}

/** Records that this copy is alive, so that other copies do not claim its waiting rows. */
export async function saveAlive(sql: Sql, { self, at }: Owner): Promise<void> {
  await sql.run(
    `insert into outbox_copies (copy, seen_at) values (?, ?)
     on conflict (copy) do update set seen_at = excluded.seen_at`,
    self,
    at,
  )
}

/** Deletes entries of copies that have not been seen for long. */
export async function forgetCopies(tx: Sql, seenBefore: string): Promise<void> {
  await tx.run('delete from outbox_copies where seen_at < ?', seenBefore)
}

/** `materialized`, since otherwise PostgreSQL may run the subquery more than once and claim more rows than the limit. */
export async function claimRows(tx: Sql, { self, at, from, until, seenAfter, skipLocked }: Claim): Promise<number> {
  return tx.run(
    `with left_behind as materialized (
       select sequence from outbox where claimed_by <> ? and (claimed_at <= ? or claimed_at > ?)
         and claimed_by not in (select copy from outbox_copies where seen_at > ?)
       order by sequence limit ? ${skipLocked ? 'for update skip locked' : ''}
     )
     update outbox set claimed_by = ?, claimed_at = ? where sequence in (select sequence from left_behind)`,
    self,
    from,
    until,
    seenAfter,
    SWEEP_BATCH,
    self,
    at,
  )
}

/** Counts all rows, of all copies. */
export async function countRows(sql: Reader): Promise<number> {
  const row = await sql.get<{ count: number }>('select count(*) as count from outbox')
  return Number(row?.count ?? 0)
}

export async function deleteRows(tx: Sql, sequences: number[]): Promise<void> {
  if (sequences.length > 0) await tx.run('delete from outbox where sequence in each(?)', sequences)
}

function publicationOf(row: OutboxRow): Recorded {
  // Decoding edge: the row was written by `insertRows`.
  const properties = JSON.parse(row.properties) as Properties
  const publication = { exchange: row.exchange, routingKey: row.routing_key, body: Buffer.from(row.body), properties }
  return { sequence: row.sequence, publication }
}
