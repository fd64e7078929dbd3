// Holds messages of the outbox that the broker refused, since a queue is full or missing. They wait in the table; memory holds
// only their numbers.
//
// Promise: each message is offered once at once, since other queues of its route may accept it. After that, one message tests
// the route after 1 s, 2 s, 4 s, … 30 s, and in each new session. If it is accepted, two follow, then four, and so on. So
// repeated publications, which also reach the queues that accept them, are rare, and no route uses up the capacity of the
// others.
import type { Recorded } from './outbox-rows.ts'

interface Options {
  /** Reads those of the rows that still exist. */
  read(sequences: number[]): Promise<Recorded[]>
  /** Resolves with false if the message is refused, and so held, again. */
  publish(row: Recorded): Promise<boolean>
}

interface Waiting {
  sequences: number[]
  /** How many messages are tried at a time. */
  atOnce: number
  pauseMs: number
  /** Undefined while messages are being tried. */
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
    // If the table cannot be read, all of them go on waiting.
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
    /**
     * Tries each route at once, whatever its pause. In a new session, a queue may have a new leader, or a missing queue may
     * exist.
     */
    tryNow(): void {
      for (const [route, waiting] of byRoute) {
        if (!waiting.timer) continue
        clearTimeout(waiting.timer)
        schedule(route, waiting, 0)
      }
    },
    has: (sequence: number) => held.has(sequence),
    count: () => held.size,
    /** For people: each route, and how many messages wait for it. */
    routes: () => [...byRoute].map(([route, { sequences }]) => ({ route, waiting: sequences.length })),
    close(): void {
      closed = true
      for (const { timer } of byRoute.values()) clearTimeout(timer)
    },
  }
}
