// The log as a chain: each entry's hash covers the entry and the hash before it, so that nobody can change, remove or
// slip in an entry without every later hash telling.
import { hash as digest } from 'node:crypto'
import type { Received } from '@orders/shared/contracts'

/** What the audit takes from a delivery: the message exactly as it came, of whatever version, and what caused it. */
export interface Wire {
  body: string
  causationId: string | null
}

export interface Entry {
  /** Counts from 1, without holes. */
  sequence: number
  id: string
  type: string
  subject: string
  source: string
  time: string
  receivedAt: string
  causationId: string | null
  body: string
  hash: string
}

/** The newest entry; everything before it is implied by its hash. */
export type Head = Pick<Entry, 'sequence' | 'hash'>

/** What the first entry continues. */
export const GENESIS: Head = { sequence: 0, hash: '0'.repeat(64) }

export function entryAfter(head: Head, event: Received<Wire>, receivedAt: string): Entry {
  const { id, type, subject, source, time, data } = event
  const entry = { sequence: head.sequence + 1, id, type, subject, source, time, receivedAt, ...data }
  return { ...entry, hash: hashOf(head.hash, entry) }
}

/** JSON of a list: unlike joined text it cannot be read in two ways. */
function hashOf(hashBefore: string, entry: Omit<Entry, 'hash'>): string {
  const { sequence, id, type, subject, source, time, receivedAt, causationId, body } = entry
  const content = [hashBefore, sequence, id, type, subject, source, time, receivedAt, causationId, body]
  return digest('sha256', JSON.stringify(content))
}

export type Verdict =
  | { ok: true; events: number; head: Head }
  | { ok: false; events: number; brokenAt: number; why: 'changed' | 'missing' }

/** Checks the entries that follow `head`; the result of one batch is where the next begins. */
export function verify(head: Head, entries: readonly Entry[]): Verdict {
  let last = head
  for (const entry of entries) {
    const expected = last.sequence + 1
    if (entry.sequence !== expected) return { ok: false, events: last.sequence, brokenAt: expected, why: 'missing' }
    if (entry.hash !== hashOf(last.hash, entry))
      return { ok: false, events: last.sequence, brokenAt: expected, why: 'changed' }
    last = { sequence: entry.sequence, hash: entry.hash }
  }
  return { ok: true, events: last.sequence, head: last }
}
