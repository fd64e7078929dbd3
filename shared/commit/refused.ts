// What the broker refuses of an outbox: a queue is full, or there is none. It waits in the table, and memory has only its number.
//
// Promise: each message is offered to its queues once at once, since others may take it that hear the same; after that a route is
// tried by one message after 1 s, 2 s, 4 s, … 30 s, and in each new session; when that is taken by two, four, … So a repetition, which
// also reaches the queues that take it, is rare, and no route uses up what the others need.
import type { Recorded } from './outbox-rows.ts'

interface Options {
  /** Those that are still there. */
  read(sequences: number[]): Promise<Recorded[]>
  /** False when it is refused again, and held again. */
  publish(row: Recorded): Promise<boolean>
}

interface Waiting {
  sequences: number[]
  /** How many are tried at one time. */
  atOnce: number
  pauseMs: number
  /** Undefined while some are being tried. */
  timer: NodeJS.Timeout | undefined
}

const PAUSE_MS = 1_000
const PAUSE_MAX_MS = 30_000
const AT_ONCE_MAX = 256

export function createRefused({ read, publish }: Options) {
  const byRoute = new Map<string, Waiting>()
  const held = new Set<number>()
  let closed = false

  async function tryAgain(route: string, waiting: Waiting): Promise<void> {
    waiting.timer = undefined
    const taken = waiting.sequences.splice(0, waiting.atOnce)
    const rows = await read(taken).catch(() => undefined)
    // While the table cannot be read, all wait.
    if (rows) for (const sequence of taken) held.delete(sequence)
    else waiting.sequences.unshift(...taken)
    const isTaken = rows !== undefined && (await Promise.all(rows.map(publish))).every(Boolean)
    waiting.atOnce = isTaken ? Math.min(waiting.atOnce * 2, AT_ONCE_MAX) : 1
    waiting.pauseMs = isTaken ? PAUSE_MS : Math.min(waiting.pauseMs * 2, PAUSE_MAX_MS)
    if (waiting.sequences.length === 0) byRoute.delete(route)
    else schedule(route, waiting, isTaken ? 0 : waiting.pauseMs)
  }

  function schedule(route: string, waiting: Waiting, afterMs: number): void {
    if (!closed) waiting.timer = setTimeout(() => void tryAgain(route, waiting), afterMs)
  }

  return {
    hold(route: string, sequence: number): void {
      const known = byRoute.get(route)
      const waiting = known ?? { sequences: [], atOnce: 1, pauseMs: PAUSE_MS, timer: undefined }
      byRoute.set(route, waiting)
      waiting.sequences.push(sequence)
      held.add(sequence)
      if (!known) schedule(route, waiting, waiting.pauseMs)
    },
    /** One of each route, whatever its pause: a new session asks a queue's new leader, or finds a queue that was missing. */
    tryNow(): void {
      for (const [route, waiting] of byRoute) {
        if (!waiting.timer) continue
        clearTimeout(waiting.timer)
        schedule(route, waiting, 0)
      }
    },
    has: (sequence: number) => held.has(sequence),
    count: () => held.size,
    /** For people: each route, and how many wait for it. */
    routes: () => [...byRoute].map(([route, { sequences }]) => ({ route, waiting: sequences.length })),
    close(): void {
      closed = true
      for (const { timer } of byRoute.values()) clearTimeout(timer)
    },
  }
}
