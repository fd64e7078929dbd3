// Verifies proofs against a root, by the algorithms of RFC 9162. It does not depend on how the tree is stored.
import { EMPTY_ROOT, nodeHash } from './tree.ts'

export interface Tree {
  size: number
  root: Buffer
}

/** Whether the leaf with this hash has this index in the tree (RFC 9162, section 2.1.3.2). */
export function isIncluded(leaf: Buffer, index: number, { size, root }: Tree, proof: readonly Buffer[]): boolean {
  if (index >= size) return false
  let [place, last, hash] = [index, size - 1, leaf]
  for (const other of proof) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      hash = nodeHash(other, hash)
      while (!isOdd(place) && place > 0) [place, last] = [halved(place), halved(last)]
    } else hash = nodeHash(hash, other)
    ;[place, last] = [halved(place), halved(last)]
  }
  return last === 0 && hash.equals(root)
}

/** Whether the second tree begins with the first (RFC 9162, section 2.1.4.2). */
export function isConsistent(before: Tree, now: Tree, proof: readonly Buffer[]): boolean {
  if (before.size > now.size) return false
  if (before.size === now.size) return proof.length === 0 && before.root.equals(now.root)
  if (before.size === 0) return proof.length === 0 && before.root.equals(EMPTY_ROOT)
  const path = isPowerOfTwo(before.size) ? [before.root, ...proof] : [...proof]
  let [place, last] = [before.size - 1, now.size - 1]
  while (isOdd(place)) [place, last] = [halved(place), halved(last)]
  const [first] = path
  if (!first) return false
  let [older, newer] = [first, first]
  for (const other of path.slice(1)) {
    if (last === 0) return false
    if (isOdd(place) || place === last) {
      older = nodeHash(other, older)
      newer = nodeHash(other, newer)
      while (!isOdd(place) && place > 0) [place, last] = [halved(place), halved(last)]
    } else newer = nodeHash(newer, other)
    ;[place, last] = [halved(place), halved(last)]
  }
  return last === 0 && older.equals(before.root) && newer.equals(now.root)
}

const isOdd = (number: number) => number % 2 === 1
const halved = (number: number) => Math.floor(number / 2)
const isPowerOfTwo = (number: number) => Number.isInteger(Math.log2(number))
