// Virtual time: a list of due work, and a clock that jumps to the next entry. While it runs, Node's own timers use this list
// too, so the kernel's retries, limits and intervals need no special code.
//
// It does not use @sinonjs/fake-timers, which has whole milliseconds only and leaves the event loop between any two steps.
import fs from 'node:fs'
import files from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import promises from 'node:timers/promises'
import type { Schedule } from '../memory-queue.ts'

export interface Time {
  nowMs(): number
  now(): Date
  /** Work that is due at the same moment runs in the order in which it was scheduled. */
  schedule: Schedule
  pause(delayMs: number): Promise<void>
  /**
   * Lets time pass, event by event, until `promise` is settled, and resolves with its value.
   *
   * @throws Error when an hour is not enough.
   */
  until<T>(promise: Promise<T>): Promise<T>
  /** Lets time pass until `activity` has not changed for that long. Resolves with false when an hour is not enough. */
  untilQuiet(forMs: number, activity: () => number): Promise<boolean>
  /** Events so far. */
  steps(): number
  /** Takes over Node's timers, reading of files and Math.random (the jitter of retries), until `release`. */
  seize(random: () => number): void
  release(): void
}

interface Due {
  atMs: number
  order: number
  /** Removed when the work is cancelled. */
  work: (() => void) | undefined
}

const EPOCH_MS = Date.parse('2026-01-01T00:00:00Z')
/** Far longer than any wait in the system. */
const LONGEST_MS = 60 * 60 * 1_000
/** After this many events the real event loop runs once, for signals and other code in this process. */
const STEPS_PER_TURN = 20_000

export function createTime(): Time {
  const heap: Due[] = []
  const original = { setTimeout, clearTimeout, setInterval, clearInterval, setImmediate, clearImmediate }
  const chance = Math.random
  const originalPromises = { setTimeout: promises.setTimeout, setImmediate: promises.setImmediate }
  const originalFiles = { readFile: files.readFile, readdir: files.readdir }
  let clockMs = 0
  let scheduled = 0
  let steps = 0

  function add(delayMs: number, work: () => void): () => void {
    const due: Due = { atMs: clockMs + Math.max(0, delayMs), order: scheduled++, work }
    push(heap, due)
    return () => {
      due.work = undefined
    }
  }

  function every(delayMs: number, work: () => void): () => void {
    let callOff = add(delayMs, again)
    function again(): void {
      callOff = add(delayMs, again)
      work()
    }
    return () => callOff()
  }

  function step(): boolean {
    for (let due = pop(heap); due; due = pop(heap)) {
      if (!due.work) continue
      clockMs = due.atMs
      due.work()
      return true
    }
    return false
  }

  /** Runs events as long as `goOn` returns true and any are left. */
  function run(goOn: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          if (!goOn() || !step()) return resolve()
        } catch (error) {
          return reject(error)
        }
        // Everything that follows at once from this event must happen before the next. A tick queued by a microtask runs only
        // when no microtasks are left. A turn of the event loop would do the same at many times the cost.
        if (++steps % STEPS_PER_TURN === 0) original.setImmediate(turn)
        else queueMicrotask(() => process.nextTick(turn))
      }
      turn()
    })
  }

  const pause = (delayMs: number) => new Promise<void>((resolve) => void add(delayMs, resolve))
  const handle = (callOff: () => void) => {
    const timer = { callOff, ref: () => timer, unref: () => timer }
    return timer
  }
  const clear = (timer?: { callOff?(): void }) => timer?.callOff?.()

  async function delay<T>(delayMs: number, value: T, { signal }: { signal?: AbortSignal } = {}): Promise<T> {
    signal?.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const callOff = add(delayMs, resolve)
      signal?.addEventListener('abort', () => {
        callOff()
        reject(signal.reason)
      })
    })
    return value
  }

  return {
    nowMs: () => clockMs,
    now: () => new Date(EPOCH_MS + clockMs),
    schedule: (delayMs, work) => add(delayMs, work),
    pause,
    async until(promise) {
      const latest = clockMs + LONGEST_MS
      let isSettled = false
      const settle = () => {
        isSettled = true
      }
      promise.then(settle, settle)
      await run(() => !isSettled && clockMs < latest)
      if (!isSettled) throw new Error('this never ends: an hour has passed')
      return promise
    },
    async untilQuiet(forMs, activity) {
      const latest = clockMs + LONGEST_MS
      let changedMs = clockMs
      let last = activity()
      await run(() => {
        const current = activity()
        if (current !== last) changedMs = clockMs
        last = current
        return clockMs - changedMs < forMs && clockMs < latest
      })
      return clockMs < latest
    },
    steps: () => steps,
    seize(random) {
      Object.assign(globalThis, {
        setTimeout: (work: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]) =>
          handle(add(delayMs, () => work(...args))),
        setInterval: (work: () => void, delayMs = 0) => handle(every(delayMs, work)),
        setImmediate: (work: () => void) => handle(add(0, work)),
        clearTimeout: clear,
        clearInterval: clear,
        clearImmediate: clear,
      })
      Object.assign(promises, { setTimeout: delay, setImmediate: () => pause(0) })
      // Migrations are read at every start. The disk must not decide the order of events.
      Object.assign(files, {
        readFile: async (path: string) => textOf(path),
        readdir: async (path: string) => namesIn(path),
      })
      performance.now = () => clockMs
      Math.random = random
      syncBuiltinESMExports()
    },
    release() {
      Object.assign(globalThis, original)
      Object.assign(promises, originalPromises)
      Object.assign(files, originalFiles)
      Reflect.deleteProperty(performance, 'now')
      Math.random = chance
      syncBuiltinESMExports()
    },
  }
}

/** Cached, since files do not change between simulations. */
const textOf = remembering((path) => fs.readFileSync(path, 'utf8'))
const namesIn = remembering((path) => fs.readdirSync(path))

function remembering<T>(read: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>()
  return (path) => {
    const value = known.get(path) ?? read(path)
    known.set(path, value)
    return value
  }
}

const isBefore = (a: Due, b: Due) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

/** A binary heap with the earliest entry at its top. */
function push(heap: Due[], due: Due): void {
  let at = heap.length
  heap.push(due)
  while (at > 0) {
    const above = (at - 1) >> 1
    const parent = heap[above]
    if (!parent || isBefore(parent, due)) break
    heap[at] = parent
    at = above
  }
  heap[at] = due
}

function pop(heap: Due[]): Due | undefined {
  const top = heap[0]
  const last = heap.pop()
  if (!top || !last || heap.length === 0) return top
  let at = 0
  for (;;) {
    const left = 2 * at + 1
    const [one, other] = [heap[left], heap[left + 1]]
    const isLeft = one && (!other || isBefore(one, other))
    const least = isLeft ? one : other
    if (!least || isBefore(last, least)) break
    heap[at] = least
    at = isLeft ? left : left + 1
  }
  heap[at] = last
  return top
}
