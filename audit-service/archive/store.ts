// The SQL of archives: what may be archived, and how bodies leave the database and come back.
import { insert, type Reader, type Sql, type Transaction } from '@orders/shared/storage'
import { type Block, HASH_BYTES } from '../block.ts'
import type { Archived } from '../reading/archives/store.ts'

export interface Limit {
  /** No entry after this one may be archived. */
  last: number
  /** The open order that keeps its first entry, and all later ones, in the database. Null if there is none. */
  openOrder: string | null
}

/** Not archived: entries that are not signed, not followed yet, or not older than every open order. */
export async function limitOf(sql: Reader): Promise<Limit> {
  const row = await sql.get<{ size: number; followed: number }>(
    `select (select size from tree_head) as size, (select sequence from followed where log = 'blocks') as followed`,
  )
  const open = await sql.get<{ subject: number; order_id: string }>(
    'select subject, order_id from unfinished order by subject limit 1',
  )
  const bound = Math.min(Number(row?.size ?? 0), Number(row?.followed ?? 0))
  if (!open || Number(open.subject) > bound) return { last: bound, openOrder: null }
  return { last: Number(open.subject) - 1, openOrder: open.order_id }
}

/** False while another copy holds the lease. */
export async function holdLease(
  sql: Sql,
  { holder, now, until }: { holder: string; now: string; until: string },
): Promise<boolean> {
  const held = await sql.run(
    'update archive_lease set holder = ?, held_until = ? where holder = ? or held_until < ?',
    ...[holder, until, holder, now],
  )
  return held === 1
}

export async function addArchive(tx: Transaction, { first, last, file, sha256, archivedAt }: Archived): Promise<void> {
  await insert(
    tx,
    'archives (first, last, file, sha256, archived_at, back_until)',
    [[first, last, file, sha256, archivedAt, null]],
    'on conflict (first) do nothing',
  )
}

export async function saveBackUntil(sql: Sql, first: number, backUntil: string | null): Promise<void> {
  await sql.run('update archives set back_until = ? where first = ?', backUntil, first)
}

/** The blocks of an archive whose bodies are still in the database, by their first sequence. */
export async function blocksWithBodies(sql: Reader, { first, last }: Pick<Archived, 'first' | 'last'>, limit: number) {
  const rows = await sql.all<{ first: number }>(
    'select first from blocks where first between ? and ? and length(records) > 0 order by first limit ?',
    ...[first, last, limit],
  )
  return rows.map((row) => Number(row.first))
}

export async function dropBodies(tx: Sql, firsts: readonly number[]): Promise<void> {
  await tx.run('update blocks set records = ? where first in each(?)', Buffer.alloc(0), firsts)
}

/** The blocks of an archive whose bodies are not in the database. */
export async function emptyBlocks(sql: Reader, { first, last }: Pick<Archived, 'first' | 'last'>) {
  const rows = await sql.all<Pick<Block, 'first' | 'dictionary' | 'hashes'>>(
    'select first, dictionary, hashes from blocks where first between ? and ? and length(records) = 0 order by first',
    ...[first, last],
  )
  return rows.map((row) => ({ ...row, first: Number(row.first), count: row.hashes.length / HASH_BYTES }))
}

export async function fillBlock(tx: Sql, first: number, records: Buffer): Promise<void> {
  await tx.run('update blocks set records = ? where first = ? and length(records) = 0', records, first)
}

/** The numbers of these subjects, and of all kinds. */
export async function numbersOf(sql: Reader, subjects: readonly string[]) {
  const [ofSubjects, ofKinds] = await Promise.all([
    sql.all<{ number: number; subject: string }>('select number, subject from subjects where subject in each(?)', [
      ...subjects,
    ]),
    sql.all<{ number: number; type: string; source: string }>('select number, type, source from kinds'),
  ])
  return { ofSubjects, ofKinds }
}
