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
    verdict = await verifyBatch(sql, verdict.head, blocks)
    more = blocks.length === BATCH
    // SQLite answers without leaving the event loop; between batches the service must go on keeping events.
    await nextTurn()
  }
  return verdict
}

async function verifyBatch(sql: Reader, head: Head, blocks: Block[]): Promise<Verdict> {
  const dictionaries = await dictionariesOf(sql, blocks)
  const packed = blocks.map((block) => readable(() => unpack(block, dictionaries.get(block.dictionary))) ?? [])
  const subjects = await subjectsByNumber(sql, packed.flat())
  const opened = blocks.map((block, index) => ({ block, entries: readableOf(packed[index] ?? [], subjects) }))
  const isFound = await findingOf(
    sql,
    opened.flatMap(({ entries }) => entries),
  )
  let verdict: Verdict = { ok: true, events: head.sequence, head }
  for (const { block, entries } of opened) if (verdict.ok) verdict = verifyBlock(verdict.head, block, entries, isFound)
  return verdict
}

function verifyBlock(head: Head, block: Block, opened: Opened[], isFound: (one: Opened) => boolean): Verdict {
  const verdict = verify(
    head,
    opened.map(({ entry }) => entry),
  )
  if (!verdict.ok) return verdict
  if (opened.length * HASH_BYTES < block.hashes.length) return broken(verdict.events + 1, 'changed')
  const lost = opened.find((one) => !isFound(one))
  return lost ? broken(lost.entry.sequence, 'missing') : verdict
}

interface Opened {
  entry: Entry
  kind: number
  /** Where a search would look for it. */
  places: { key: number; sequence: number }[]
}

/** Up to the first that cannot be read. */
function readableOf(packed: Packed[], subjects: ReadonlyMap<number, string>): Opened[] {
  const opened: Opened[] = []
  const first = packed[0]?.sequence ?? 0
  for (const one of packed) {
    const { subject, kind, sequence } = one
    const entry = readable(() => restored(one, subjects.get(subject) ?? ''))
    if (!entry) break
    const places = [
      { key: keyOf(subject, identityOf(entry)), sequence },
      { key: keyOfKind(kind), sequence: first },
    ]
    opened.push({ entry, kind, places })
  }
  return opened
}

/** What cannot be read any more is not what was kept. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** Whether a search finds an entry: otherwise an order's story would lack it, though the chain holds. */
async function findingOf(sql: Reader, opened: Opened[]): Promise<(one: Opened) => boolean> {
  const [first, last] = [opened[0]?.entry.sequence ?? 0, opened.at(-1)?.entry.sequence ?? 0]
  const [places, kinds] = await Promise.all([
    sql.all<{ key: number; sequence: number }>(
      'select key, sequence from places where key in each(?) and sequence between ? and ?',
      [...new Set(opened.flatMap((one) => one.places.map(({ key }) => key)))],
      first,
      last,
    ),
    sql.all<{ number: number; type: string; source: string }>(
      'select number, type, source from kinds where number in each(?)',
      [...new Set(opened.map(({ kind }) => kind))],
    ),
  ])
  const nameOf = ({ key, sequence }: { key: number; sequence: number }) => `${key} ${sequence}`
  const found = new Set(places.map(nameOf))
  const names = new Map(kinds.map(({ number, ...kind }) => [number, nameOfKind(kind)]))
  return ({ entry, kind, places }) =>
    names.get(kind) === nameOfKind(entry) && places.every((place) => found.has(nameOf(place)))
}
