// The rules of the audit log: each event is added once; and what a check can find.
import type { Received } from '@orders/shared/contracts'
import { leafHashOf } from './proof/leaf.ts'

/** What the log takes from a delivery: the message exactly as it arrived, in any version, and its cause. */
export interface Wire {
  body: string
  causationId: string | null
  /** The trace in which the message was published. Null if the message names none. */
  traceId: string | null
  /** How far the sender's database had come. Undefined if the message does not say. */
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
  /** Null if the message named none. */
  traceId: string | null
  body: string
  /** The hash of its leaf in the tree, in hexadecimal. */
  hash: string
}

/** The log as a group commit sees it: the stored head, and what this group adds. */
export interface Log {
  /** The sequence of the newest entry. */
  head: number
  /** The newest addition. Each refers to the one before, so adding leaves the previous log unchanged. */
  added?: Addition | undefined
}

export interface Addition {
  event: Received<Wire>
  receivedAt: string
  /** Another event with this identity is stored already. */
  isConflict: boolean
  before: Addition | undefined
}

export function add(log: Log, event: Received<Wire>, receivedAt: string, isConflict = false): Log {
  return { head: log.head, added: { event, receivedAt, isConflict, before: log.added } }
}

/** In the order of arrival. */
export function additionsOf({ added }: Log): Addition[] {
  const additions: Addition[] = []
  for (let one = added; one; one = one.before) additions.push(one)
  return additions.reverse()
}

/**
 * Keeps each event once, however often it arrived. `conflicts` are the sequences of events whose identity another event had
 * before.
 */
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

/** Whether two bodies with one identity mean the same: equal bytes, or equal type, version and data. */
export function isRepeat(body: string, other: string): boolean {
  if (body === other) return true
  try {
    return meaningOf(body) === meaningOf(other)
  } catch {
    // Nested too deep to compare. It may differ, so it is kept.
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
 * What makes two deliveries the same event: source and id, as CloudEvents defines. The subject comes first, since events are
 * found by it, and it is part of our ids. None of the three contains a control character.
 */
export function identityOf({ subject, source, id }: Pick<Entry, 'subject' | 'source' | 'id'>): string {
  return `${subject}\n${source}\n${id}`
}

/** The text before the first line break. */
export const firstOf = (text: string): string => text.slice(0, text.indexOf('\n'))

/** The kind of an event: its type and its source. */
export const nameOfKind = ({ type, source }: Pick<Entry, 'type' | 'source'>): string => `${type}\n${source}`

export function entryAfter(head: number, event: Received<Wire>, receivedAt: string): Entry {
  const { id, type, subject, source, time, data } = event
  const { body, causationId, traceId } = data
  const hash = leafHashOf({ receivedAt, causationId, traceId, body }).toString('hex')
  return { sequence: head + 1, id, type, subject, source, time, receivedAt, causationId, traceId, body, hash }
}

export interface Fault {
  /** The first entry that is not as it was. For `forked` and `unsigned`, the size of that tree. */
  brokenAt: number
  /** `forked`: the tree differs from that of a checkpoint. `unsigned`: the newest checkpoint is not signed with this key. */
  why: 'changed' | 'missing' | 'forked' | 'unsigned'
}

/** `events`: how many entries were checked and are intact. */
export type Verdict = { ok: true; events: number } | ({ ok: false; events: number } & Fault)

export const broken = (brokenAt: number, why: Fault['why']): Verdict => ({
  ok: false,
  events: brokenAt - 1,
  brokenAt,
  why,
})
