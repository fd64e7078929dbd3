// The tree against RFC 6962's own definition, and against what the logs of Certificate Transparency test with.
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isConsistent, isIncluded } from '../../proof/checks.ts'
import { leafHash } from '../../proof/leaf.ts'
import {
  consistencyRanges,
  EMPTY,
  grown,
  inclusionRanges,
  type ReadTile,
  rootOf,
  rootsOf,
  TILE_WIDTH,
} from '../../proof/tree.ts'

/** The leaves and roots that Certificate Transparency's reference implementations share, for trees of 0 to 8 leaves. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

/** MTH as RFC 6962, section 2.1, words it; shares nothing with what is tested. */
function mth(leaves: readonly Buffer[]): Buffer {
  const sha = (...parts: Buffer[]) => createHash('sha256').update(Buffer.concat(parts)).digest()
  if (leaves.length === 0) return sha()
  if (leaves.length === 1) return leaves[0] ?? sha()
  let split = 1
  while (split * 2 < leaves.length) split *= 2
  return sha(Buffer.from([1]), mth(leaves.slice(0, split)), mth(leaves.slice(split)))
}

const MOST = 600
const leaves = Array.from({ length: MOST }, (_, index) => leafHash(String(index)))
/** Of the first so many. */
const roots = Array.from({ length: MOST + 1 }, (_, size) => mth(leaves.slice(0, size)))
const rootAt = (size: number) => roots[size] ?? Buffer.alloc(0)
const leafAt = (index: number) => leaves[index] ?? Buffer.alloc(0)

const { nodes } = grown(EMPTY, leaves)
const read: ReadTile = async (level, number) =>
  (level === 0 ? leaves : nodes.filter((node) => node.level === level).map(({ hash }) => hash)).slice(
    number * TILE_WIDTH,
    (number + 1) * TILE_WIDTH,
  )

it('has the roots that others have', () => {
  const hashes = LEAVES.map((data) => leafHash(Buffer.from(data, 'hex')))
  const found = ROOTS.map((_, size) => rootOf(grown(EMPTY, hashes.slice(0, size)).edge).toString('hex'))
  expect(found).toEqual(ROOTS)
})

it('grows to the same tree however many leaves come at a time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 6 }), (counts) => {
      let edge = EMPTY
      for (const count of counts) edge = grown(edge, leaves.slice(edge.size, edge.size + count)).edge
      expect(rootOf(edge)).toEqual(rootAt(edge.size))
    }),
  )
})

it('has a node for each full tile, at every level', () => {
  const many = Array.from({ length: TILE_WIDTH ** 2 + 1 }, () => leafAt(0))
  const all = grown(EMPTY, many)
  expect(all.nodes.map(({ level, number }) => [level, number])).toEqual([
    ...Array.from({ length: TILE_WIDTH }, (_, number) => [1, number]),
    [2, 0],
  ])
  expect(all.edge.partial.map(({ length }) => length)).toEqual([1, 0, 1])
  const root = mth(many.slice(0, TILE_WIDTH ** 2))
  expect(all.nodes.at(-1)?.hash).toEqual(root)
  expect(rootOf(all.edge)).toEqual(mth([root, leafAt(0)]))
})

describe('of every size up to 600', () => {
  it('each subtree of a proof has the root that RFC 6962 gives it', async () => {
    for (let size = 1; size <= MOST; size += 13)
      for (const ranges of [inclusionRanges(size >> 1, size), consistencyRanges(Math.ceil(size / 3), size)])
        expect(await rootsOf(ranges, read)).toEqual(ranges.map(({ from, to }) => mth(leaves.slice(from, to))))
  })

  it('any leaf is proved to be where it is, and nowhere else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: MOST }), fc.nat(), fc.nat(), async (size, one, another) => {
        const [index, other] = [one % size, another % size]
        const proof = await rootsOf(inclusionRanges(index, size), read)
        const tree = { size, root: rootAt(size) }
        expect(isIncluded(leafAt(index), index, tree, proof)).toBe(true)
        expect(isIncluded(leafAt(other), index, tree, proof)).toBe(index === other)
        expect(isIncluded(leafAt(index), other, tree, proof)).toBe(index === other)
        expect(isIncluded(leafAt(index), index, { size, root: rootAt(size - 1) }, proof)).toBe(false)
        expect(isIncluded(leafAt(index), index, tree, [...proof, leafAt(0)])).toBe(false)
        expect(isIncluded(leafAt(index), index, tree, proof.slice(1))).toBe(proof.length === 0)
      }),
      { numRuns: 300 },
    )
  })

  it('a smaller tree is proved to be the beginning of a larger one, and no other tree is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: MOST }), fc.integer({ min: 1, max: MOST }), async (one, another) => {
        const [size, larger] = one < another ? [one, another] : [another, one]
        const [before, now] = [size, larger].map((count) => ({ size: count, root: rootAt(count) }))
        if (!before || !now) return
        const proof = await rootsOf(consistencyRanges(size, larger), read)
        expect(isConsistent(before, now, proof)).toBe(true)
        expect(isConsistent({ ...before, root: leafAt(0) }, now, proof)).toBe(size === 1)
        expect(isConsistent(before, { ...now, root: leafAt(1) }, proof)).toBe(false)
        expect(isConsistent(before, now, [...proof, leafAt(0)])).toBe(false)
        if (proof.length > 0) expect(isConsistent(before, now, proof.slice(1))).toBe(false)
        if (size !== larger) expect(isConsistent(now, before, proof)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it('every tree begins with the empty one', async () => {
    expect(consistencyRanges(0, MOST)).toEqual([])
    expect(isConsistent({ size: 0, root: rootAt(0) }, { size: MOST, root: rootAt(MOST) }, [])).toBe(true)
    expect(isConsistent({ size: 0, root: leafAt(0) }, { size: MOST, root: rootAt(MOST) }, [])).toBe(false)
  })

  it('a proof never has more hashes than the tree is high, and one', () => {
    for (let size = 1; size <= MOST; size++) {
      const height = Math.ceil(Math.log2(size))
      expect(inclusionRanges(size - 1, size).length).toBeLessThanOrEqual(height)
      expect(consistencyRanges(Math.ceil(size / 2), size).length).toBeLessThanOrEqual(height + 1)
    }
  })
})

it('asks for no more tiles than the tree has levels and edges, in a log of a thousand million entries', async () => {
  const asked: string[] = []
  const anything: ReadTile = async (level, number) => {
    asked.push(`${level}/${number}`)
    return Array.from({ length: TILE_WIDTH }, () => leafAt(0))
  }
  await rootsOf(inclusionRanges(123_456_789, 1_000_000_007), anything)
  await rootsOf(consistencyRanges(34_567_890_123, 34_567_890_999), anything)
  expect(asked.length).toBeLessThanOrEqual(16)
})

it('says which hashes a tree lacks', async () => {
  await expect(rootsOf([{ from: 0, to: 512 }], async () => [])).rejects.toThrow(
    'the tree lacks hashes of level 1 from 0',
  )
})
