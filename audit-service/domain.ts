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

/** The log as a group of deliveries sees it: what is kept, and what this group adds to it. */
export interface Log {
  head: Head
  /** The newest; each knows the one before it, so that adding to a log leaves the log before untouched. */
  added?: Addition | undefined
}

export interface Addition {
  event: Received<Wire>
  receivedAt: string
  before: Addition | undefined
}

export function add(log: Log, event: Received<Wire>, receivedAt: string): Log {
  return { head: log.head, added: { event, receivedAt, before: log.added } }
}

/** In the order in which they came. */
export function additionsOf({ added }: Log): Addition[] {
  const additions: Addition[] = []
  for (let one = added; one; one = one.before) additions.push(one)
  return additions.reverse()
}

/** Each event once, however often it came. */
export function entriesAfter(head: Head, additions: readonly Addition[]): Entry[] {
  const known = new Set<string>()
  const entries: Entry[] = []
  let last = head
  for (const { event, receivedAt } of additions) {
    const identity = identityOf(event)
    if (known.has(identity)) continue
    known.add(identity)
    const entry = entryAfter(last, event, receivedAt)
    entries.push(entry)
    last = entry
  }
  return entries
}

/**
 * What makes two deliveries the same event: its source and id, as CloudEvents says. The subject finds it among the others, and
 * is a part of our ids. None of the three has a control character in it.
 */
export function identityOf({ subject, source, id }: Pick<Entry, 'subject' | 'source' | 'id'>): string {
  return `${subject}\n${source}\n${id}`
}

/** What stands before the first line break. */
export const firstOf = (text: string): string => text.slice(0, text.indexOf('\n'))

/** What kind of event it is: its type, as one source says it. */
export const nameOfKind = ({ type, source }: Pick<Entry, 'type' | 'source'>): string => `${type}\n${source}`

export function entryAfter(head: Head, event: Received<Wire>, receivedAt: string): Entry {
  const { id, type, subject, source, time, data } = event
  const { body, causationId } = data
  const sequence = head.sequence + 1
  const entry = { sequence, id, type, subject, source, time, receivedAt, causationId, body, hash: '' }
  entry.hash = hashOf(head.hash, entry)
  return entry
}

/** JSON of a list: unlike joined text it cannot be read in two ways. */
function hashOf(hashBefore: string, entry: Entry): string {
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
    if (entry.sequence !== expected) return broken(expected, 'missing')
    if (entry.hash !== hashOf(last.hash, entry)) return broken(expected, 'changed')
    last = { sequence: entry.sequence, hash: entry.hash }
  }
  return { ok: true, events: last.sequence, head: last }
}

export function broken(brokenAt: number, why: 'changed' | 'missing'): Verdict {
  return { ok: false, events: brokenAt - 1, brokenAt, why }
}
