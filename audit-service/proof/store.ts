// The SQL of the Merkle tree: its leaves are in the blocks, its nodes in their own table, and one row has its size.
import { insert, type Reader, type Transaction } from '@orders/shared/storage'
import { HASH_BYTES } from '../block.ts'
import { type Edge, type Node, type ReadTile, TILE_WIDTH } from './tree.ts'

export interface TreeHead {
  /** The number of entries in the tree. The log may have more already. */
  size: number
  /** The newest checkpoint. Null before the first. */
  checkpoint: string | null
}

export async function treeHeadOf(sql: Reader): Promise<TreeHead> {
  return (await sql.get<TreeHead>('select size, checkpoint from tree_head')) ?? { size: 0, checkpoint: null }
}

export interface Hashes {
  first: number
  /** 0 if the hashes are links of an earlier version's chain. */
  leaves: number
  hashes: Buffer
}

/** The next blocks whose entries the tree does not have yet. */
export function hashesAfter(sql: Reader, sequence: number, blocksMax: number): Promise<Hashes[]> {
  return sql.all<Hashes>(
    `select first, leaves, hashes from blocks where first > ? order by first limit ${blocksMax}`,
    sequence,
  )
}

export function hashesIn({ hashes }: Pick<Hashes, 'hashes'>): Buffer[] {
  return Array.from({ length: hashes.length / HASH_BYTES }, (_, place) =>
    hashes.subarray(place * HASH_BYTES, (place + 1) * HASH_BYTES),
  )
}

/**
 * A tile may have more hashes than the tree of the wanted size, since the log grows meanwhile. It ends before the first missing
 * hash.
 */
export function tilesIn(sql: Reader): ReadTile {
  return (level, number) => (level === 0 ? leavesOf(sql, number) : nodesOf(sql, level, number))
}

async function leavesOf(sql: Reader, number: number): Promise<Buffer[]> {
  const before = number * TILE_WIDTH
  const blocks = await sql.all<Hashes>(
    `select first, leaves, hashes from blocks
     where first >= coalesce((select max(first) from blocks where first <= ?), 0) and first <= ? order by first`,
    before + 1,
    before + TILE_WIDTH,
  )
  const leaves: Buffer[] = []
  for (const { first, hashes } of blocks)
    for (const [place, hash] of hashesIn({ hashes }).entries())
      if (leaves.length < TILE_WIDTH && first + place === before + leaves.length + 1) leaves.push(hash)
  return leaves
}

async function nodesOf(sql: Reader, level: number, number: number): Promise<Buffer[]> {
  const before = number * TILE_WIDTH
  const nodes = await sql.all<Node>(
    'select level, number, hash from tree_nodes where level = ? and number between ? and ? order by number',
    level,
    before,
    before + TILE_WIDTH - 1,
  )
  return nodes.filter((node, place) => node.number === before + place).map(({ hash }) => hash)
}

/** The nodes that are missing or stored with another hash. */
export async function otherNodes(sql: Reader, nodes: readonly Node[]): Promise<Node[]> {
  const others: Node[] = []
  for (const node of nodes) {
    const kept = await sql.get<{ hash: Buffer }>(
      'select hash from tree_nodes where level = ? and number = ?',
      node.level,
      node.number,
    )
    if (!kept?.hash.equals(node.hash)) others.push(node)
  }
  return others
}

/** The right edge of the tree of this size. */
export async function edgeOf(sql: Reader, size: number): Promise<Edge> {
  const read = tilesIn(sql)
  const partial: (readonly Buffer[])[] = []
  for (let level = 0, hashes = size; hashes > 0; level += 1, hashes = Math.floor(hashes / TILE_WIDTH))
    partial.push((await read(level, Math.floor(hashes / TILE_WIDTH))).slice(0, hashes % TILE_WIDTH))
  return { size, partial }
}

export interface Growth {
  from: number
  to: number
  nodes: readonly Node[]
  /** Null: the stored checkpoint stays. */
  checkpoint: string | null
}

export interface Lease {
  holder: string
  now: string
  until: string
}

/** Changes nothing and returns false if another copy holds the lease, or if the tree has another size by now. */
export async function grow(tx: Transaction, { from, to, nodes, checkpoint }: Growth, lease: Lease): Promise<boolean> {
  const held = await tx.run(
    'update tree_lease set holder = ?, held_until = ? where holder = ? or held_until < ?',
    lease.holder,
    lease.until,
    lease.holder,
    lease.now,
  )
  if (held === 0) return false
  const found = await tx.run(
    'update tree_head set size = ?, checkpoint = coalesce(?, checkpoint) where size = ?',
    to,
    checkpoint,
    from,
  )
  if (found === 0) return false
  await insert(
    tx,
    'tree_nodes (level, number, hash)',
    nodes.map(({ level, number, hash }) => [level, number, hash]),
  )
  return true
}
