// The SQL that finds events. It unpacks a few blocks at a time. A long search stops at a limit and says where to continue.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Reader } from '@orders/shared/storage'
import {
  type Block,
  type Dictionary,
  KEY_OF_CONFLICTS,
  keyOfKind,
  keysOf,
  type Packed,
  restored,
  unpack,
} from '../block.ts'
import type { Entry } from '../domain.ts'

/** How many blocks are unpacked at once, without leaving the event loop. */
export const BATCH = 16
/** What one answer may cost, however large the log is. */
export interface Limits {
  /** Blocks to unpack. */
  blocksMax: number
  /** Events of a subject to look up. A subject with more is not an order: its events are found by searching all blocks. */
  placesMax: number
  /** Kinds to look up one by one. */
  kindsMax: number
  /** Characters of all bodies. */
  lengthMax: number
}

const LIMITS: Limits = { blocksMax: 1_024, placesMax: 10_000, kindsMax: 64, lengthMax: 8_388_608 }
/** For requests that the caller limits. */
const UNLIMITED: Limits = { ...LIMITS, lengthMax: Number.MAX_SAFE_INTEGER }

const BLOCKS = 'select first, dictionary, hashes, records from blocks'

export interface Place {
  sequence: number
  /** The first sequence of its block. */
  first: number
}

/** Selects places of entries. The caller adds the condition. */
export const PLACES = 'select sequence, (select max(first) from blocks where first <= sequence) as first from places'

/** The entries with one of these keys. */
export async function entriesUnder(sql: Reader, keys: number[]): Promise<Entry[]> {
  return entriesIn(sql, keys.length > 0 ? await sql.all<Place>(`${PLACES} where key in each(?)`, keys) : [])
}

/** The entries at these places, in the order of their blocks. */
export async function entriesIn(sql: Reader, places: Place[]): Promise<Entry[]> {
  const wanted = new Set(places.map(({ sequence }) => sequence))
  const firsts = firstsOf(places)
  const entries: Entry[] = []
  for (let at = 0; at < firsts.length; at += BATCH) {
    const packed = await unpacked(sql, await blocksAt(sql, firsts.slice(at, at + BATCH)))
    entries.push(
      ...(await restoredAll(
        sql,
        packed.filter(({ sequence }) => wanted.has(sequence)),
      )),
    )
  }
  return entries
}

/** The entries with this id about this subject, from any source. There are several if other content arrived under the same id. */
export async function entriesOf(
  sql: Reader,
  { subject, id, source }: { subject: string; id: string; source?: string | undefined },
): Promise<Entry[]> {
  const { entries } = await listEvents(sql, { orderId: subject, source, after: 0, limit: LIMITS.placesMax })
  return entries.filter((entry) => entry.id === id)
}

/** From one sequence to another, both included. */
export async function entriesBetween(sql: Reader, from: number, to: number): Promise<Entry[]> {
  return (await listEvents(sql, { after: from - 1, before: to + 1, limit: to - from + 1 }, UNLIMITED)).entries
}

const CONFLICTS = `select sequence from places where key = ${KEY_OF_CONFLICTS}`
const CONFLICTS_SHOWN = 100

/** The sequences of entries whose source and id another event had before. */
export async function conflictsAmong(sql: Reader, entries: readonly Entry[]): Promise<Set<number>> {
  const sequences = entries.map(({ sequence }) => sequence)
  const rows = await sql.all<{ sequence: number }>(`${CONFLICTS} and sequence in each(?)`, sequences)
  return new Set(rows.map(({ sequence }) => sequence))
}

/** The newest conflicts in the whole log, by sequence. */
export async function newestConflicts(sql: Reader): Promise<number[]> {
  const rows = await sql.all<{ sequence: number }>(`${CONFLICTS} order by sequence desc limit ${CONFLICTS_SHOWN}`)
  return rows.map(({ sequence }) => sequence)
}

const firstsOf = (places: Place[]) => [...new Set(places.map(({ first }) => first))].sort((a, b) => a - b)

function blocksAt(sql: Reader, firsts: number[]): Promise<Block[]> {
  return sql.all<Block>(`${BLOCKS} where first in each(?) order by first`, firsts)
}

/**
 * The blocks after this sequence, in order. Fewer than a batch are the last ones. `leaves` is 0 if the hashes are links of an
 * earlier version's chain.
 */
export function blocksAfter(sql: Reader, sequence: number): Promise<(Block & { leaves: number })[]> {
  return sql.all<Block & { leaves: number }>(
    `select first, dictionary, leaves, hashes, records from blocks where first > ? order by first limit ${BATCH}`,
    sequence,
  )
}

async function unpacked(sql: Reader, blocks: Block[]): Promise<Packed[]> {
  const dictionaries = await dictionariesOf(sql, blocks)
  return blocks.flatMap((block) => unpack(block, dictionaries.get(block.dictionary)))
}

export async function dictionariesOf(sql: Reader, blocks: readonly Block[]): Promise<Map<number, Buffer>> {
  const numbers = [...new Set(blocks.map(({ dictionary }) => dictionary))]
  const rows = await sql.all<Dictionary>('select number, bytes from dictionaries where number in each(?)', numbers)
  return new Map(rows.map(({ number, bytes }) => [number, bytes]))
}

async function restoredAll(sql: Reader, packed: Packed[]): Promise<Entry[]> {
  const subjects = await subjectsByNumber(sql, packed)
  return packed.map((one) => restored(one, subjects.get(one.subject) ?? ''))
}

export async function subjectsByNumber(sql: Reader, packed: Packed[]): Promise<Map<number, string>> {
  const numbers = [...new Set(packed.map(({ subject }) => subject))]
  const rows = await sql.all<{ number: number; subject: string }>(
    'select number, subject from subjects where number in each(?)',
    numbers,
  )
  return new Map(rows.map(({ number, subject }) => [number, subject]))
}

export interface Page {
  /** Only entries after this sequence. */
  after: number
  /** Only entries before this sequence. */
  before?: number | undefined
  /** Of several types, any matches. */
  type?: string | readonly string[] | undefined
  source?: string | undefined
  orderId?: string | undefined
  /** Newest first instead of oldest first. */
  newestFirst?: boolean
  limit: number
}

export interface Found {
  entries: Entry[]
  /** Where the next page continues; null at the end. A page may have fewer entries than asked for, since a search has limits. */
  next: number | null
}

const NOTHING: Found = { entries: [], next: null }

/** Lists entries in order. The cost depends on the limits, not on the size of the log. */
export async function listEvents(sql: Reader, page: Page, limits = LIMITS): Promise<Found> {
  const { after, before = Number.MAX_SAFE_INTEGER, newestFirst = false, limit } = page
  const search = await searchFor(sql, page, limits)
  if (!search) return NOTHING
  const isWanted = ({ sequence, subject, kind }: Packed) =>
    sequence > after &&
    sequence < before &&
    (search.subject === undefined || subject === search.subject) &&
    (search.kinds === undefined || search.kinds.has(kind))
  const start = await sql.get<{ first: number | null }>(
    'select max(first) as first from blocks where first <= ?',
    after + 1,
  )
  const range = { from: start?.first ?? 0, to: before - 1, newestFirst }
  const entries: Entry[] = []
  let length = 0
  for (let searched = 0; ; searched += BATCH) {
    const firsts = await search.blocksIn(sql, range)
    const [nearest] = firsts
    if (nearest === undefined) return { entries, next: null }
    if (searched >= limits.blocksMax) return { entries, next: newestFirst ? range.to + 1 : nearest - 1 }
    const packed = (await unpacked(sql, await blocksAt(sql, firsts))).filter(isWanted)
    if (newestFirst) packed.reverse()
    for (const entry of await restoredAll(sql, packed.slice(0, limit - entries.length))) {
      entries.push(entry)
      length += entry.body.length
      if (entries.length === limit || length > limits.lengthMax) return { entries, next: entry.sequence }
    }
    const farthest = firsts.at(-1) ?? nearest
    if (newestFirst) range.to = farthest - 1
    else range.from = farthest + 1
    // SQLite answers without leaving the event loop, and the service must go on storing events.
    await nextTurn()
  }
}

interface Range {
  from: number
  to: number
  newestFirst: boolean
}

interface Search {
  subject: number | undefined
  kinds: ReadonlySet<number> | undefined
  /** The next blocks that may contain matches, by their first sequence, in search order. */
  blocksIn(sql: Reader, range: Range): Promise<number[]>
}

/** Searches by the narrowest condition. Undefined if nothing can match. */
async function searchFor(
  sql: Reader,
  { orderId, type, source }: Page,
  { placesMax, kindsMax }: Limits,
): Promise<Search | undefined> {
  const kinds = type === undefined && source === undefined ? undefined : await kindsLike(sql, type, source)
  const subject =
    orderId === undefined
      ? undefined
      : await sql.get<{ number: number }>('select number from subjects where subject = ?', orderId)
  if ((orderId !== undefined && !subject) || kinds?.length === 0) return undefined
  const wanted = { subject: subject?.number, kinds: kinds && new Set(kinds) }
  const places = subject && (await placesOf(sql, subject.number, placesMax + 1))
  if (places && places.length <= placesMax) {
    const firsts = firstsOf(places)
    return { ...wanted, blocksIn: async (_, range) => nearestOf(firsts, range) }
  }
  if (kinds && kinds.length <= kindsMax)
    return { ...wanted, blocksIn: async (reader, range) => nearestOf(await blocksOfKinds(reader, kinds, range), range) }
  return { ...wanted, blocksIn: allBlocks }
}

async function kindsLike(sql: Reader, type: Page['type'], source: string | undefined): Promise<number[]> {
  const wanted = [
    { condition: 'type in each(?)', value: typeof type === 'string' ? [type] : type },
    { condition: 'source = ?', value: source },
  ].flatMap(({ condition, value }) => (value === undefined ? [] : [{ condition, value }]))
  const rows = await sql.all<{ number: number }>(
    `select number from kinds where ${wanted.map(({ condition }) => condition).join(' and ')}`,
    ...wanted.map(({ value }) => value),
  )
  return rows.map(({ number }) => number)
}

function placesOf(sql: Reader, subject: number, limit: number): Promise<Place[]> {
  const { least, most } = keysOf(subject)
  return sql.all<Place>(`${PLACES} where key between ? and ? limit ?`, least, most, limit)
}

/** One query for each kind: sorted together, the database would read all places of all kinds. */
async function blocksOfKinds(sql: Reader, kinds: number[], { from, to, newestFirst }: Range): Promise<number[]> {
  const rows = await Promise.all(
    kinds.map((kind) =>
      sql.all<{ first: number }>(
        `select sequence as first from places where key = ? and sequence between ? and ?
         order by sequence ${newestFirst ? 'desc' : 'asc'} limit ${BATCH}`,
        keyOfKind(kind),
        from,
        to,
      ),
    ),
  )
  return rows.flat().map(({ first }) => first)
}

async function allBlocks(sql: Reader, { from, to, newestFirst }: Range): Promise<number[]> {
  const rows = await sql.all<{ first: number }>(
    `select first from blocks where first between ? and ?
     order by first ${newestFirst ? 'desc' : 'asc'} limit ${BATCH}`,
    from,
    to,
  )
  return rows.map(({ first }) => first)
}

function nearestOf(firsts: number[], { from, to, newestFirst }: Range): number[] {
  const within = [...new Set(firsts)].filter((first) => first >= from && first <= to).sort((a, b) => a - b)
  return (newestFirst ? within.reverse() : within).slice(0, BATCH)
}
