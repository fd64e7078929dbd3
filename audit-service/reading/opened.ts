// Unpacks blocks into entries with the numbers of their subject and kind, as far as they can be read.
import type { Reader } from '@orders/shared/storage'
import { type Block, type Packed, restored, unpack } from '../block.ts'
import type { Entry } from '../domain.ts'
import { blocksAfter, dictionariesOf, subjectsByNumber } from './store.ts'

export interface OpenEntry {
  entry: Entry
  subject: number
  kind: number
}

/** The entries of the next whole blocks that were received before `until`. `sequence` must be the last of its block. */
export async function nextEntries(sql: Reader, sequence: number, until: string): Promise<OpenEntry[]> {
  const blocks = await opened(sql, await blocksAfter(sql, sequence))
  const young = blocks.findIndex(({ entries }) => entries.some(({ entry }) => entry.receivedAt >= until))
  return blocks.slice(0, young < 0 ? blocks.length : young).flatMap(({ entries }) => entries)
}

/** Of each block, the entries before the first that cannot be read. */
export async function opened<B extends Block>(
  sql: Reader,
  blocks: readonly B[],
): Promise<{ block: B; entries: OpenEntry[] }[]> {
  const dictionaries = await dictionariesOf(sql, blocks)
  const packed = blocks.map((block) => readable(() => unpack(block, dictionaries.get(block.dictionary))) ?? [])
  const subjects = await subjectsByNumber(sql, packed.flat())
  return blocks.map((block, index) => ({ block, entries: readableOf(packed[index] ?? [], subjects) }))
}

function readableOf(packed: readonly Packed[], subjects: ReadonlyMap<number, string>): OpenEntry[] {
  const entries: OpenEntry[] = []
  for (const one of packed) {
    const entry = readable(() => restored(one, subjects.get(one.subject) ?? ''))
    if (!entry) break
    entries.push({ entry, subject: one.subject, kind: one.kind })
  }
  return entries
}

/** An entry that cannot be read was changed or damaged. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
