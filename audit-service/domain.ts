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
  /** Something else is kept under its identity already. */
  isConflict: boolean
  before: Addition | undefined
}

export function add(log: Log, event: Received<Wire>, receivedAt: string, isConflict = false): Log {
  return { head: log.head, added: { event, receivedAt, isConflict, before: log.added } }
}

/** In the order in which they came. */
export function additionsOf({ added }: Log): Addition[] {
  const additions: Addition[] = []
  for (let one = added; one; one = one.before) additions.push(one)
  return additions.reverse()
}

/** Each event once, however often it came; and the sequences of those whose identity something else had before. */
export function entriesAfter(head: Head, additions: readonly Addition[]): { entries: Entry[]; conflicts: number[] } {
  const known = new Map<string, string[]>()
  const entries: Entry[] = []
  const conflicts: number[] = []
  let last = head
  for (const { event, receivedAt, isConflict } of additions) {
    const identity = identityOf(event)
    const bodies = known.get(identity) ?? []
    if (bodies.some((body) => isRepeat(body, event.data.body))) continue
    known.set(identity, [...bodies, event.data.body])
    const entry = entryAfter(last, event, receivedAt)
    entries.push(entry)
    if (isConflict || bodies.length > 0) conflicts.push(entry.sequence)
    last = entry
  }
  return { entries, conflicts }
}

/** Whether two bodies under one identity say the same: the same bytes, or the same type, version and data. */
export function isRepeat(body: string, other: string): boolean {
  if (body === other) return true
  try {
    return meaningOf(body) === meaningOf(other)
  } catch {
    // Nested too deep to be compared: not known to be the same, so it is kept.
    return false
  }
}

function meaningOf(body: string): string {
  const { type, dataschema, data } = JSON.parse(body)
  return JSON.stringify([type, dataschema, data], (_, value: unknown) => (isRecord(value) ? sorted(value) : value))
}

const sorted = (record: object) => Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

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
