// The check of the audit log. It unpacks blocks, computes every leaf and node again, and compares the tree with the signed
// ones. Every index by which an event is found must lead to it.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Reader } from '@orders/shared/storage'
import { type Block, HASH_BYTES, keyOf, keyOfKind } from '../block.ts'
import { broken, type Fault, identityOf, nameOfKind, type Verdict } from '../domain.ts'
import { earlierFault } from '../earlier/store.ts'
import { openCheckpoint } from '../proof/checkpoint.ts'
import type { Tree } from '../proof/checks.ts'
import { leafHashOf } from '../proof/leaf.ts'
import type { Verifier } from '../proof/note.ts'
import { hashesIn, otherNodes, treeHeadOf } from '../proof/store.ts'
import { type Edge, EMPTY, grown, rootOf, TILE_WIDTH } from '../proof/tree.ts'
import { archivesOf } from '../reading/archives/store.ts'
import { type OpenEntry, opened } from '../reading/opened.ts'
import { BATCH, blocksAfter } from '../reading/store.ts'

export interface Terms {
  /** Verifies the signature of the newest checkpoint. */
  verifier: Verifier
  /** The newest tree that was kept outside the database. */
  signed?: Tree | undefined
}

/** A check that walks through the log from its beginning, in batches. */
export interface Walk {
  /** The tree of the entries checked so far. */
  edge: Edge
  /** The number of entries in the stored tree. */
  size: number
  /** The signed trees. The computed tree must be equal to each at its size. */
  signed: readonly Tree[]
  verdict: Verdict
  isDone: boolean
}

export async function beginWalk(sql: Reader, { verifier, signed }: Terms): Promise<Walk> {
  const [{ size, checkpoint }, earlier] = [await treeHeadOf(sql), await earlierFault(sql)]
  const newest = checkpoint === null ? undefined : openCheckpoint(checkpoint, verifier)
  const walk = { edge: EMPTY, size, signed: [newest, signed].filter((tree) => tree !== undefined) }
  const isUnsigned = checkpoint !== null && newest === undefined
  const fault: Fault | undefined = earlier ?? (isUnsigned ? { brokenAt: size, why: 'unsigned' } : undefined)
  const verdict: Verdict = fault ? broken(fault.brokenAt, fault.why) : { ok: true, events: 0 }
  return { ...walk, verdict, isDone: !verdict.ok }
}

/** Checks the next few blocks. */
export async function walkOn(sql: Reader, walk: Walk): Promise<Walk> {
  const blocks = await opened(sql, await blocksAfter(sql, walk.edge.size))
  const isFound = await findingOf(sql, blocks)
  const isOut = await outIn(sql)
  let [edge, verdict] = [walk.edge, walk.verdict]
  for (const one of blocks) {
    if (!verdict.ok) break
    const out = isOut(one.block)
    const fault = out ? holeBefore(one.block, edge.size) : faultIn(one, edge.size, isFound)
    const leaves = out ? hashesIn(one.block) : one.entries.map(({ entry }) => leafHashOf(entry))
    if (fault) verdict = broken(fault.brokenAt, fault.why)
    else ({ edge, verdict } = await afterBlock(sql, { ...walk, edge }, leaves))
  }
  const isLast = blocks.length < BATCH
  const most = Math.max(walk.size, ...walk.signed.map(({ size }) => size))
  if (isLast && verdict.ok && most > edge.size) verdict = broken(edge.size + 1, 'missing')
  return { ...walk, edge, verdict, isDone: isLast || !verdict.ok }
}

/** Checks the whole log and stops at the first fault. */
export async function verifyAll(sql: Reader, terms: Terms): Promise<Verdict> {
  let walk = await beginWalk(sql, terms)
  while (!walk.isDone) {
    walk = await walkOn(sql, walk)
    // SQLite answers without leaving the event loop, and the service must go on storing events.
    await nextTurn()
  }
  return walk.verdict
}

interface OpenBlock {
  block: Block & { leaves: number }
  entries: OpenEntry[]
}

const holeBefore = ({ first }: Pick<Block, 'first'>, size: number): Fault | undefined =>
  first === size + 1 ? undefined : { brokenAt: size + 1, why: 'missing' }

/** Whether the bodies of a block are in an archive. Its leaves still make the tree, and the file verifies by itself. */
async function outIn(sql: Reader): Promise<(block: Block) => boolean> {
  const archives = await archivesOf(sql)
  return ({ first, records }) =>
    records.length === 0 && archives.some((archive) => archive.first <= first && first <= archive.last)
}

function faultIn({ block, entries }: OpenBlock, size: number, isFound: Finding): Fault | undefined {
  const hole = holeBefore(block, size)
  if (hole) return hole
  const count = block.hashes.length / HASH_BYTES
  // Blocks of earlier versions have links of a hash chain instead of leaves. They are checked when leaves replace them.
  const isOther = ({ entry }: OpenEntry) => block.leaves === 1 && entry.hash !== leafHashOf(entry).toString('hex')
  const other = entries.findIndex(isOther)
  if (other >= 0) return { brokenAt: block.first + other, why: 'changed' }
  if (entries.length > count) return { brokenAt: block.first + count, why: 'changed' }
  if (entries.length < count) return { brokenAt: block.first + entries.length, why: 'changed' }
  const lost = entries.find((one) => !isFound(one, block.first))
  return lost && { brokenAt: lost.entry.sequence, why: 'missing' }
}

async function afterBlock(sql: Reader, walk: Walk, leaves: readonly Buffer[]): Promise<Pick<Walk, 'edge' | 'verdict'>> {
  const { edge, nodes } = grown(walk.edge, leaves)
  const kept = nodes.filter(({ level, number }) => (number + 1) * TILE_WIDTH ** level <= walk.size)
  const [other] = await otherNodes(sql, kept)
  if (other) return { edge, verdict: broken(other.number * TILE_WIDTH ** other.level + 1, 'changed') }
  const forked = walk.signed.find(({ size, root }) => {
    if (size <= walk.edge.size || size > edge.size) return false
    return !rootOf(grown(walk.edge, leaves.slice(0, size - walk.edge.size)).edge).equals(root)
  })
  return { edge, verdict: forked ? broken(forked.size, 'forked') : { ok: true, events: edge.size } }
}

/** Whether a search finds an entry. If not, an order's story would lack it although the tree is intact. */
type Finding = (one: OpenEntry, first: number) => boolean

/** Where a search looks for the entry. `first` is the first sequence of its block. */
const placesOf = ({ entry, subject, kind }: OpenEntry, first: number) => [
  { key: keyOf(subject, identityOf(entry)), sequence: entry.sequence },
  { key: keyOfKind(kind), sequence: first },
]

async function findingOf(sql: Reader, blocks: readonly OpenBlock[]): Promise<Finding> {
  const wanted = blocks.flatMap(({ block, entries }) => entries.flatMap((one) => placesOf(one, block.first)))
  const sequences = wanted.map(({ sequence }) => sequence)
  const numbers = blocks.flatMap(({ entries }) => entries.map(({ kind }) => kind))
  const [places, kinds] = await Promise.all([
    sql.all<{ key: number; sequence: number }>(
      'select key, sequence from places where key in each(?) and sequence between ? and ?',
      [...new Set(wanted.map(({ key }) => key))],
      sequences.reduce((least, one) => Math.min(least, one), Number.MAX_SAFE_INTEGER),
      sequences.reduce((most, one) => Math.max(most, one), 0),
    ),
    sql.all<{ number: number; type: string; source: string }>(
      'select number, type, source from kinds where number in each(?)',
      [...new Set(numbers)],
    ),
  ])
  const nameOf = ({ key, sequence }: { key: number; sequence: number }) => `${key} ${sequence}`
  const found = new Set(places.map(nameOf))
  const names = new Map(kinds.map(({ number, ...kind }) => [number, nameOfKind(kind)]))
  return (one, first) =>
    names.get(one.kind) === nameOfKind(one.entry) && placesOf(one, first).every((place) => found.has(nameOf(place)))
}
