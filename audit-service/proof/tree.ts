// The Merkle tree of RFC 6962 as pure calculation: how it grows, and which subtrees make a proof.
//
// It uses no bitwise operators on sizes, since these have 32 bits only.
import { hash as digest } from 'node:crypto'

/** Hashes in a full tile. C2SP tlog-tiles calls this height 8. */
export const TILE_WIDTH = 256
const TILE_HEIGHT = 8

/** RFC 6962, section 2.1. */
export function nodeHash(left: Buffer, right: Buffer): Buffer {
  return digest('sha256', Buffer.concat([NODE, left, right]), 'buffer')
}
const NODE = Buffer.from([1])

/** The root of a tree without leaves. */
export const EMPTY_ROOT: Buffer = digest('sha256', '', 'buffer')

/** A hash of tile level 1 or above: the root of a full tile of the level below. */
export interface Node {
  level: number
  number: number
  hash: Buffer
}

/** The right edge of a tree: at each tile level, from 0, the hashes that do not fill a tile yet. */
export interface Edge {
  size: number
  partial: readonly (readonly Buffer[])[]
}

export const EMPTY: Edge = { size: 0, partial: [] }

/** The tree with these leaves added, and the nodes that were completed. The old edge stays unchanged. */
export function grown(edge: Edge, leaves: readonly Buffer[]): { edge: Edge; nodes: Node[] } {
  const partial = edge.partial.map((hashes) => [...hashes])
  const nodes: Node[] = []
  let size = edge.size
  for (const leaf of leaves) {
    size += 1
    let hash = leaf
    for (let level = 0, count = size; ; level += 1, count /= TILE_WIDTH) {
      const tile = partial[level] ?? []
      partial[level] = tile
      tile.push(hash)
      if (tile.length < TILE_WIDTH) break
      hash = rootOfFull(tile)
      partial[level] = []
      nodes.push({ level: level + 1, number: count / TILE_WIDTH - 1, hash })
    }
  }
  return { edge: { size, partial }, nodes }
}

/** The number of hashes must be a power of two. */
export function rootOfFull(hashes: readonly Buffer[]): Buffer {
  let row = hashes
  while (row.length > 1)
    row = row.flatMap((left, place) => {
      const right = row[place + 1]
      return place % 2 === 0 && right ? [nodeHash(left, right)] : []
    })
  return row[0] ?? EMPTY_ROOT
}

/** Combines the full subtrees from the right, where the smallest is. Each is the left sibling of everything to its right. */
export function rootOf({ partial }: Edge): Buffer {
  let root: Buffer | undefined
  for (const tile of partial) {
    let end = tile.length
    for (let width = 1; end > 0; width *= 2) {
      if (end % (width * 2) === 0) continue
      const full = rootOfFull(tile.slice(end - width, end))
      root = root ? nodeHash(full, root) : full
      end -= width
    }
  }
  return root ?? EMPTY_ROOT
}

/** The leaves from `from` up to, but without, `to`. */
export interface Range {
  from: number
  to: number
}

/** Where RFC 6962 splits a tree of more than one leaf: at the largest power of two below its size. */
function half(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** The subtrees whose roots lead from a leaf to the root (RFC 6962, section 2.1.1), starting at the leaf. */
export function inclusionRanges(index: number, size: number): Range[] {
  const ranges: Range[] = []
  for (let from = 0, to = size; to - from > 1; ) {
    const middle = from + half(to - from)
    const isLeft = index < middle
    ranges.push(isLeft ? { from: middle, to } : { from, to: middle })
    if (isLeft) to = middle
    else from = middle
  }
  return ranges.reverse()
}

/** The subtrees that prove that a larger tree begins with this one (RFC 6962, section 2.1.2). */
export function consistencyRanges(size: number, larger: number): Range[] {
  if (size === 0 || size === larger) return []
  const ranges: Range[] = []
  let [from, to] = [0, larger]
  while (to !== size) {
    const middle = from + half(to - from)
    const isLeft = size <= middle
    ranges.push(isLeft ? { from: middle, to } : { from, to: middle })
    if (isLeft) to = middle
    else from = middle
  }
  // The verifier knows the old root already.
  if (from > 0) ranges.push({ from, to })
  return ranges.reverse()
}

/** Reads the existing hashes of a tile. */
export type ReadTile = (level: number, number: number) => Promise<readonly Buffer[]>

/**
 * The roots of these subtrees, each of which starts where RFC 6962 splits a tree. Every tile is read once.
 *
 * @throws Error if a hash is missing
 */
export async function rootsOf(ranges: readonly Range[], read: ReadTile): Promise<Buffer[]> {
  const tiles = new Map<string, Promise<readonly Buffer[]>>()
  const tileAt: ReadTile = (level, number) => {
    const key = `${level}/${number}`
    const tile = tiles.get(key) ?? read(level, number)
    tiles.set(key, tile)
    return tile
  }
  return Promise.all(ranges.map((range) => rootOfRange(range, tileAt)))
}

async function rootOfRange({ from, to }: Range, read: ReadTile): Promise<Buffer> {
  let root: Buffer | undefined
  for (let end = to; end > from; ) {
    // The largest full subtree that ends here and starts inside the range.
    let width = 1
    while (end % (width * 2) === 0 && end - width * 2 >= from) width *= 2
    const full = await rootOfSubtree(end - width, width, read)
    root = root ? nodeHash(full, root) : full
    end -= width
  }
  return root ?? EMPTY_ROOT
}

async function rootOfSubtree(from: number, width: number, read: ReadTile): Promise<Buffer> {
  const height = Math.log2(width)
  const level = Math.floor(height / TILE_HEIGHT)
  const first = from / TILE_WIDTH ** level
  const count = 2 ** (height % TILE_HEIGHT)
  const tile = await read(level, Math.floor(first / TILE_WIDTH))
  const hashes = tile.slice(first % TILE_WIDTH, (first % TILE_WIDTH) + count)
  if (hashes.length < count) throw new Error(`the tree lacks hashes of level ${level} from ${first} on`)
  return rootOfFull(hashes)
}
