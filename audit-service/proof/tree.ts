// The Merkle tree of RFC 6962 as calculation: what grows when leaves are added, and of which subtrees a proof consists.
//
// Numbers are counted without bitwise operators, which know 32 bits only.
import { hash as digest } from 'node:crypto'

/** Hashes in a full tile: what C2SP tlog-tiles calls height 8. */
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

/** A tree by its right edge: at each tile level, from 0 on, the hashes that do not fill a tile yet. */
export interface Edge {
  size: number
  partial: readonly (readonly Buffer[])[]
}

export const EMPTY: Edge = { size: 0, partial: [] }

/** The tree with these leaves added, and the nodes that came into being. The edge before stays as it was. */
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

/** Of as many hashes as a power of two. */
export function rootOfFull(hashes: readonly Buffer[]): Buffer {
  let row = hashes
  while (row.length > 1)
    row = row.flatMap((left, place) => {
      const right = row[place + 1]
      return place % 2 === 0 && right ? [nodeHash(left, right)] : []
    })
  return row[0] ?? EMPTY_ROOT
}

/** Full subtrees from the right, the smallest, to the left: each is the left half of what stands to its right. */
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

/** Leaves from one place up to another, which is not among them. */
export interface Range {
  from: number
  to: number
}

/** Of more than one leaf: where the tree of RFC 6962 is split, at the largest power of two that is smaller. */
function half(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}

/** The subtrees whose roots lead from a leaf to the root (RFC 6962, section 2.1.1), from the leaf on. */
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

/** The subtrees that show a tree to be the beginning of a larger one (RFC 6962, section 2.1.2). */
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
  // The old root itself is known to whoever asks.
  if (from > 0) ranges.push({ from, to })
  return ranges.reverse()
}

/** Reads a tile: as many of its hashes as there are. */
export type ReadTile = (level: number, number: number) => Promise<readonly Buffer[]>

/**
 * The roots of these subtrees, each of which begins where RFC 6962 would split a tree. Every tile is read once.
 *
 * @throws Error when a hash is missing
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
    // The largest full subtree that ends here, and does not begin before the range.
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
