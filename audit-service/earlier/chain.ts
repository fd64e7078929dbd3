// The chain by which earlier versions kept the log: each link covers the entry and the link before it. It is checked once more,
// when its blocks become a part of the tree.
import { hash as digest } from 'node:crypto'
import type { Entry } from '../domain.ts'

export interface Link {
  sequence: number
  /** In hexadecimal. */
  hash: string
}

export type Checked = { link: Link } | { brokenAt: number; why: 'changed' | 'missing' }

/** The newest link, when those of these entries continue `link`, or the first that does not. */
export function continued(link: Link, entries: readonly Entry[]): Checked {
  let last = link
  for (const { sequence, hash, ...entry } of entries) {
    const expected = last.sequence + 1
    if (sequence !== expected) return { brokenAt: expected, why: 'missing' }
    if (hash !== linkOf(last.hash, { sequence, ...entry })) return { brokenAt: expected, why: 'changed' }
    last = { sequence, hash }
  }
  return { link: last }
}

/** JSON of a list: unlike joined text it cannot be read in two ways. */
export function linkOf(hashBefore: string, entry: Omit<Entry, 'hash'>): string {
  const { sequence, id, type, subject, source, time, receivedAt, causationId, body } = entry
  const content = [hashBefore, sequence, id, type, subject, source, time, receivedAt, causationId, body]
  return digest('sha256', JSON.stringify(content))
}
