// audit-service's SQL for the check of the whole log: every block is unpacked, every hash computed anew, and everything by which
// an event is found must lead to it.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Reader } from '@orders/shared/storage'
import { type Block, HASH_BYTES, keyOf, keyOfKind, type Packed, restored, unpack } from '../block.ts'
import { broken, type Entry, GENESIS, type Head, identityOf, nameOfKind, type Verdict, verify } from '../domain.ts'
import { BATCH, blocksAfter, dictionariesOf, subjectsByNumber } from '../reading/store.ts'

/** Reads the whole log, a few blocks at a time, and stops at the first entry that breaks the chain, or is not found. */
export async function verifyAll(sql: Reader): Promise<Verdict> {
  let verdict: Verdict = verify(GENESIS, [])
  for (let more = true; more && verdict.ok; ) {
    const blocks = await blocksAfter(sql, verdict.head.sequence)
    const dictionaries = await dictionariesOf(sql, blocks)
    for (const block of blocks)
      if (verdict.ok) verdict = await verifyBlock(sql, verdict.head, block, dictionaries.get(block.dictionary))
    more = blocks.length === BATCH
    // SQLite answers without leaving the event loop; between batches the service must go on keeping events.
    await nextTurn()
  }
  return verdict
}

async function verifyBlock(sql: Reader, head: Head, block: Block, dictionary: Buffer | undefined): Promise<Verdict> {
  if (block.first > head.sequence + 1) return broken(head.sequence + 1, 'missing')
  const packed = readable(() => unpack(block, dictionary)) ?? []
  const subjects = await subjectsByNumber(sql, packed)
  const entries: Entry[] = []
  for (const one of packed) {
    const entry = readable(() => restored(one, subjects.get(one.subject) ?? ''))
    if (!entry) break
    entries.push(entry)
  }
  const verdict = verify(head, entries)
  if (!verdict.ok) return verdict
  if (entries.length * HASH_BYTES < block.hashes.length) return broken(verdict.events + 1, 'changed')
  const lost = await firstLost(sql, block, packed, entries)
  return lost ? broken(lost.sequence, 'missing') : verdict
}

/** What cannot be read any more is not what was kept. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** The first entry that a search would not find: then an order's story would lack it, though the chain holds. */
async function firstLost(
  sql: Reader,
  { first }: Block,
  packed: Packed[],
  entries: Entry[],
): Promise<Entry | undefined> {
  const filed = entries.map((entry, index) => {
    const { subject = 0, kind = 0 } = packed[index] ?? {}
    return {
      entry,
      kind,
      places: [
        [keyOf(subject, identityOf(entry)), entry.sequence],
        [keyOfKind(kind), first],
      ] as const,
    }
  })
  const [places, kinds] = await Promise.all([
    sql.all<{ key: number; sequence: number }>(
      'select key, sequence from places where key in each(?) and sequence between ? and ?',
      filed.flatMap((one) => one.places.map(([key]) => key)),
      first,
      first + entries.length - 1,
    ),
    sql.all<{ number: number; type: string; source: string }>(
      'select number, type, source from kinds where number in each(?)',
      filed.map(({ kind }) => kind),
    ),
  ])
  const found = new Set(places.map(({ key, sequence }) => `${key} ${sequence}`))
  const names = new Map(kinds.map(({ number, ...kind }) => [number, nameOfKind(kind)]))
  const isFound = ({ entry, kind, ...one }: (typeof filed)[number]) =>
    names.get(kind) === nameOfKind(entry) && one.places.every(([key, sequence]) => found.has(`${key} ${sequence}`))
  return filed.find((one) => !isFound(one))?.entry
}
