// The log: what is added to it, each event once, and what a check of it finds.
import type { Received } from '@orders/shared/contracts'
import { leafHashOf } from './proof/leaf.ts'

/** What the audit takes from a delivery: the message exactly as it came, of whatever version, and what caused it. */
export interface Wire {
  body: string
  causationId: string | null
  /** In which trace it was said; null where the message does not say. */
  traceId: string | null
  /** How far its sender's database had come; undefined where the message does not say. */
  recorded?: { service: string; epoch: string; last: number } | undefined
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
  /** Null where the message did not say. */
  traceId: string | null
  body: string
  /** Of the leaf that it is in the tree, in hexadecimal. */
  hash: string
}

/** The log as a group of deliveries sees it: what is kept, and what this group adds to it. */
export interface Log {
  /** The sequence of the newest entry. */
  head: number
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
export function entriesAfter(head: number, additions: readonly Addition[]): { entries: Entry[]; conflicts: number[] } {
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
    last = entry.sequence
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

export function entryAfter(head: number, event: Received<Wire>, receivedAt: string): Entry {
  const { id, type, subject, source, time, data } = event
  const { body, causationId, traceId } = data
  const hash = leafHashOf({ receivedAt, causationId, traceId, body }).toString('hex')
  return { sequence: head + 1, id, type, subject, source, time, receivedAt, causationId, traceId, body, hash }
}

export interface Fault {
  /** The first entry that is not what it was; of what is `forked` or `unsigned`, the size of that tree. */
  brokenAt: number
  /** `forked`: the tree is not the one that a checkpoint says; `unsigned`: nobody who may has signed the newest checkpoint. */
  why: 'changed' | 'missing' | 'forked' | 'unsigned'
}

/** `events` are those that were checked and are as they were. */
export type Verdict = { ok: true; events: number } | ({ ok: false; events: number } & Fault)

export const broken = (brokenAt: number, why: Fault['why']): Verdict => ({
  ok: false,
  events: brokenAt - 1,
  brokenAt,
  why,
})
