// What tests need again and again: a folder that goes away, a log that keeps its lines, waiting for a fact.
import { access, constants, mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createLog, type Log } from '../runtime/log.ts'

const MEMORY = '/dev/shm'
const DISK = '/var/tmp'
/** Containers may have 64 MB of it, which a system and its broker could fill. */
const MEMORY_MIN_BYTES = 4 * 1_073_741_824

export interface ScratchFolder {
  path: string
  /** Takes it away with all that is in it. */
  remove(): Promise<void>
}

/** A new empty folder: in memory where there is enough, unless `onDisk`, for who measures or breaks disks. */
export async function scratchFolder({ onDisk = false } = {}): Promise<ScratchFolder> {
  const parent = onDisk ? DISK : (await isMemoryFree()) ? MEMORY : tmpdir()
  const path = await mkdtemp(join(parent, 'orders-'))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/**
 * In memory no commit waits for a disk, and what a killed process has written is there all the same. Who has chosen a folder
 * of their own for what is temporary gets that.
 */
async function isMemoryFree(): Promise<boolean> {
  if (tmpdir() !== '/tmp') return false
  try {
    await access(MEMORY, constants.W_OK)
    const { bavail, bsize } = await statfs(MEMORY)
    // A private broker brings scripts.
    const isWithoutPrograms = / \/dev\/shm \S+ \S*\bnoexec\b/.test(await readFile('/proc/mounts', 'utf8'))
    return bavail * bsize >= MEMORY_MIN_BYTES && !isWithoutPrograms
  } catch {
    return false
  }
}

export interface LogLine {
  level: number
  msg: string
  [field: string]: unknown
}

/** A real log whose lines are kept for assertions. */
export async function keepingLog(service = 'test'): Promise<{ log: Log; lines: LogLine[] }> {
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) }
  return { log: await createLog({ service, level: 'debug', pretty: false, destination }), lines }
}

const PAUSE_MAX_MS = 200

/**
 * Resolves with the first defined, non-false value that `look` gives.
 *
 * @throws Error with `what` when `withinMs` is over; a function says then what was seen last
 */
export async function eventually<T>(
  what: string | (() => string),
  look: () => T | Promise<T>,
  withinMs = 20_000,
): Promise<Exclude<T, undefined | false | null>> {
  const deadline = Date.now() + withinMs
  // Often at first, since most come true at once; then seldom, since looking is work for those who are waited for.
  for (let last: T | undefined, pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.25, PAUSE_MAX_MS)) {
    last = await look()
    if (last !== undefined && last !== false && last !== null) return last as Exclude<T, undefined | false | null>
    if (Date.now() > deadline)
      throw new Error(`within ${withinMs} ms this did not come true: ${typeof what === 'string' ? what : what()}`)
    await delay(pauseMs)
  }
}
