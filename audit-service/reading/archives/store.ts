// audit-service's SQL for whoever looks for what is in an archive: which there are, and of what.
import type { Reader } from '@orders/shared/storage'
import { keysOf } from '../../block.ts'

export interface Archived {
  first: number
  last: number
  /** Its name in the folder of archives. */
  file: string
  sha256: string
  archivedAt: string
  /** Bodies that were read back stay until then. */
  backUntil: string | null
}

const ARCHIVED = `select first, last, file, sha256, archived_at as "archivedAt", back_until as "backUntil" from archives`

export async function archivesOf(sql: Reader): Promise<Archived[]> {
  const rows = await sql.all<Archived>(`${ARCHIVED} order by first`)
  return rows.map((row) => ({ ...row, first: Number(row.first), last: Number(row.last) }))
}

/** The last entry that is in an archive; 0 where none is. */
export async function archivedTo(sql: Reader): Promise<number> {
  const row = await sql.get<{ last: number | null }>('select max(last) as last from archives')
  return Number(row?.last ?? 0)
}

/** How far bodies are in archives alone, those that were read back not among them. */
export async function bodiesOutTo(sql: Reader): Promise<number> {
  const row = await sql.get<{ last: number | null }>('select max(last) as last from archives where back_until is null')
  return Number(row?.last ?? 0)
}

/** The names of the files that hold entries of these. */
export async function filesOf(sql: Reader, sequences: readonly number[]): Promise<string[]> {
  const all = await archivesOf(sql)
  return all
    .filter(({ first, last }) => sequences.some((sequence) => sequence >= first && sequence <= last))
    .map(({ file }) => file)
}

/** The names of the files that alone have events about this subject. */
export async function filesAbout(sql: Reader, subject: string): Promise<string[]> {
  const { out, sequences } = await outAbout(sql, [subject], 0)
  return out.filter((archived) => sequences.some(isIn(archived))).map(({ file }) => file)
}

/** The first file that alone has events about these subjects behind a sequence, and which ones, in their order. */
export async function nextAbout(sql: Reader, subjects: readonly string[], behind: number) {
  const { out, sequences } = await outAbout(sql, subjects, behind)
  const archived = out.find((one) => sequences.some(isIn(one)))
  return archived && { archived, sequences: sequences.filter(isIn(archived)).sort((one, other) => one - other) }
}

/** The archives whose bodies are nowhere else, and which entries up to their end are about these. */
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

/** More than an order has. */
const PLACES_MAX = 10_000
