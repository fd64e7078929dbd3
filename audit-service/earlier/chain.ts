// The hash chain of earlier versions: each link covers an entry and the previous link. It is checked once more, when its blocks
// become part of the tree.
import { hash as digest } from 'node:crypto'
import type { Entry } from '../domain.ts'

export interface Link {
  sequence: number
  /** In hexadecimal. */
  hash: string
}

export type Checked = { link: Link } | { brokenAt: number; why: 'changed' | 'missing' }

/** The last link if these entries continue `link`. Otherwise the first entry that does not. */
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

/** A JSON list: unlike joined text, it has only one meaning. */
export function linkOf(hashBefore: string, entry: Omit<Entry, 'hash'>): string {
  const { sequence, id, type, subject, source, time, receivedAt, causationId, body } = entry
  const content = [hashBefore, sequence, id, type, subject, source, time, receivedAt, causationId, body]
  return digest('sha256', JSON.stringify(content))
}
