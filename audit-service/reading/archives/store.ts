// The SQL that shows which archives exist, and which of them have events of a subject.
import type { Reader } from '@orders/shared/storage'
import { keysOf } from '../../block.ts'

export interface Archived {
  first: number
  last: number
  /** The file's name in the archive folder. */
  file: string
  sha256: string
  archivedAt: string
  /** Until when bodies that were read back stay in the database. */
  backUntil: string | null
}

const ARCHIVED = `select first, last, file, sha256, archived_at as "archivedAt", back_until as "backUntil" from archives`

export async function archivesOf(sql: Reader): Promise<Archived[]> {
  const rows = await sql.all<Archived>(`${ARCHIVED} order by first`)
  return rows.map((row) => ({ ...row, first: Number(row.first), last: Number(row.last) }))
}

/** The last archived entry; 0 if there is none. */
export async function archivedTo(sql: Reader): Promise<number> {
  const row = await sql.get<{ last: number | null }>('select max(last) as last from archives')
  return Number(row?.last ?? 0)
}

/** The last entry whose body is only in an archive, not counting bodies that were read back. */
export async function bodiesOutTo(sql: Reader): Promise<number> {
  const row = await sql.get<{ last: number | null }>('select max(last) as last from archives where back_until is null')
  return Number(row?.last ?? 0)
}

/** The files that hold these entries. */
export async function filesOf(sql: Reader, sequences: readonly number[]): Promise<string[]> {
  const all = await archivesOf(sql)
  return all
    .filter(({ first, last }) => sequences.some((sequence) => sequence >= first && sequence <= last))
    .map(({ file }) => file)
}

/** The files that alone hold events about this subject. */
export async function filesAbout(sql: Reader, subject: string): Promise<string[]> {
  const { out, sequences } = await outAbout(sql, [subject], 0)
  return out.filter((archived) => sequences.some(isIn(archived))).map(({ file }) => file)
}

/** The first file that alone holds events about these subjects after `behind`, and their sequences in order. */
export async function nextAbout(sql: Reader, subjects: readonly string[], behind: number) {
  const { out, sequences } = await outAbout(sql, subjects, behind)
  const archived = out.find((one) => sequences.some(isIn(one)))
  return archived && { archived, sequences: sequences.filter(isIn(archived)).sort((one, other) => one - other) }
}

/** The archives whose bodies are not in the database, and the entries about these subjects up to their end. */
async function outAbout(sql: Reader, subjects: readonly string[], behind: number) {
  const out = (await archivesOf(sql)).filter(({ backUntil, last }) => backUntil === null && last > behind)
  const last = out.at(-1)?.last
  if (last === undefined) return { out, sequences: [] }
  const rows = await sql.all<{ number: number }>('select number from subjects where subject in each(?)', subjects)
  const found = await Promise.all(
    rows.map(({ number }) => {
      const { least, most } = keysOf(Number(number))
      return sql.all<{ sequence: number }>(
        'select sequence from places where key between ? and ? and sequence > ? and sequence <= ? limit ?',
        ...[least, most, behind, last, PLACES_MAX],
      )
    }),
  )
  return { out, sequences: found.flat().map(({ sequence }) => Number(sequence)) }
}

const isIn =
  ({ first, last }: Archived) =>
  (sequence: number) =>
    sequence >= first && sequence <= last

/** More events than an order has. */
const PLACES_MAX = 10_000
