// Follows the log, some seconds behind it, so that what each order waits for and what is overdue is known at any time. Several
// copies may follow: if two make the same step, the result of one is discarded.
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Log, lookEvery } from '@orders/shared/runtime'
import type { Database, Reader } from '@orders/shared/storage'
import type { Entry } from '../domain.ts'
import { bodiesOutTo } from '../reading/archives/store.ts'
import { nextEntries } from '../reading/opened.ts'
import { listEvents } from '../reading/store.ts'
import { headOf } from '../store.ts'
import { expectationsOf } from '../story.ts'
import type { Told } from '../told.ts'
import { followedTo, saveFollowed, saveLooked, waitingAmong, waitingUntil } from './store.ts'
import { followed, isOverdue, looked, type Unfinished } from './unfinished.ts'

interface Options {
  database: Database
  log: Log
  now: () => Date
  gapAfterMs: number
}

/** How far it stays behind. Most orders end within this time, so most are seen whole and need no row. */
const BEHIND_MS = 15_000
/** The most events of one step, which are held in memory and saved in one transaction. */
const STEP_MAX = 8_192
const DUE_MAX = 500
/** More events than an order has. */
const STORY_MAX = 1_000

export interface Following {
  /** The number of stored events that are not followed yet. */
  behind(): Promise<number>
  /** Follows the log, and checks what has become overdue. */
  now(): Promise<void>
  close(): Promise<void>
}

/** The caller closes it. */
export function followLog({ database, log, now, gapAfterMs }: Options): Following {
  let closed = false
  const behindMs = Math.min(BEHIND_MS, Math.ceil(gapAfterMs / 2))
  const terms = () => ({ now: now().toISOString(), gapAfterMs })

  async function look(): Promise<void> {
    while (!closed && (await step()) >= STEP_MAX) await nextTurn()
    while (!closed && (await lookAtDue()) >= DUE_MAX) await nextTurn()
  }

  /** Returns how many events it followed. */
  async function step(): Promise<number> {
    const from = await followedTo(database)
    const { to, count, bySubject } = await readFrom(from)
    if (count === 0) return 0
    const before = await waitingAmong(database, [...bySubject.keys()])
    const out = await bodiesOutTo(database)
    const all: Unfinished[] = []
    for (const [subject, { orderId, first, told }] of bySubject) {
      const waiting = before.get(subject)
      // An order that began before this step and does not wait has ended. Only an event that expects another one makes it wait
      // again.
      const isAgain = !waiting && subject < first
      // The expected event may be in an archive.
      if (isAgain && subject <= out) continue
      if (isAgain && !told.some((event) => expectationsOf(event).length > 0)) continue
      const known = isAgain ? await storyUntil(database, orderId, first) : (waiting?.events ?? [])
      const after = followed({ subject, orderId, events: known }, told, terms())
      if (waiting || after.gaps.length > 0) all.push(after)
    }
    if (await saveFollowed(database, from, to, all)) tell(all)
    return count
  }

  async function readFrom(from: number) {
    const bySubject = new Map<number, { orderId: string; first: number; told: Told[] }>()
    const until = new Date(now().getTime() - behindMs).toISOString()
    let to = from
    let count = 0
    while (count < STEP_MAX && !closed) {
      const entries = await nextEntries(database, to, until)
      for (const { subject, entry } of entries) {
        const one = bySubject.get(subject)
        if (one) one.told.push(toldOf(entry))
        else bySubject.set(subject, { orderId: entry.subject, first: entry.sequence, told: [toldOf(entry)] })
        to = entry.sequence
      }
      if (entries.length === 0) break
      count += entries.length
      // SQLite answers without leaving the event loop, and the service must go on storing events.
      await nextTurn()
    }
    return { to, count, bySubject }
  }

  async function lookAtDue(): Promise<number> {
    const from = await followedTo(database)
    const due = await waitingUntil(database, now().toISOString(), DUE_MAX)
    if (due.length === 0) return 0
    const all = due.map((one) => looked(one, terms()))
    // Another copy has followed the log meanwhile. The next look will do.
    if (!(await saveLooked(database, from, all))) return 0
    tell(all)
    return due.length
  }

  function tell(all: readonly Unfinished[]): void {
    const overdue = all.filter(({ gaps }) => gaps.some(isOverdue))
    const [one] = overdue
    if (one)
      log.warn({ orders: overdue.length, orderId: one.orderId }, 'events are overdue: GET /audit/gaps lists the orders')
  }

  const failed = (err: Error) => log.warn({ err }, 'cannot follow what orders wait for')
  const looks = lookEvery(behindMs, look, failed)
  return {
    behind: async () => (await headOf(database)) - (await followedTo(database)),
    now: looks.now,
    async close() {
      closed = true
      await looks.close()
    },
  }
}

const toldOf = ({ body, ...entry }: Entry): Told => ({ ...entry, data: (JSON.parse(body) as { data?: unknown }).data })

/** The events of the order before this sequence. */
async function storyUntil(sql: Reader, orderId: string, before: number): Promise<Told[]> {
  const { entries } = await listEvents(sql, { orderId, after: 0, before, limit: STORY_MAX })
  return entries.map(toldOf)
}
