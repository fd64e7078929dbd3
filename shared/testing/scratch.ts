// Helpers for tests: temporary folders, a log that keeps its lines, and waiting for a condition.
import { access, constants, mkdtemp, readFile, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createLog, type Log } from '../runtime/log.ts'

const MEMORY = '/dev/shm'
const DISK = '/var/tmp'
/** Containers may have 64 MB of it, which a system with its broker could fill. */
const MEMORY_MIN_BYTES = 4 * 1_073_741_824

export interface ScratchFolder {
  path: string
  /** Removes the folder with its content. */
  remove(): Promise<void>
}

/** Creates an empty folder: in memory if there is enough, unless `onDisk` is set, for tests that measure or break disks. */
export async function scratchFolder({ onDisk = false } = {}): Promise<ScratchFolder> {
  const parent = onDisk ? DISK : (await isMemoryFree()) ? MEMORY : tmpdir()
  const path = await mkdtemp(join(parent, 'orders-'))
  return { path, remove: () => rm(path, { recursive: true, force: true, maxRetries: 3 }) }
}

/**
 * In memory no commit waits for a disk, and what a killed process wrote still exists. If the user has chosen another folder for
 * temporary files, that one is used.
 */
async function isMemoryFree(): Promise<boolean> {
  if (tmpdir() !== '/tmp') return false
  try {
    await access(MEMORY, constants.W_OK)
    const { bavail, bsize } = await statfs(MEMORY)
    // The folder must allow programs, since a private broker has scripts.
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

/** A real log that keeps its lines for assertions. */
export async function keepingLog(service = 'test'): Promise<{ log: Log; lines: LogLine[] }> {
  const lines: LogLine[] = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) }
  return { log: await createLog({ service, level: 'debug', pretty: false, destination }), lines }
}

const PAUSE_MAX_MS = 200

/**
 * Resolves with the first value of `look` that is defined and not false.
 *
 * @throws Error with `what` after `withinMs`; if `what` is a function, it describes what was seen last
 */
export async function eventually<T>(
  what: string | (() => string),
  look: () => T | Promise<T>,
  withinMs = 20_000,
): Promise<Exclude<T, undefined | false | null>> {
  const deadline = Date.now() + withinMs
  // Looks often at first, since most conditions come true soon. Then looks rarely, since looking slows down what is waited for.
  for (let last: T | undefined, pauseMs = 10; ; pauseMs = Math.min(pauseMs * 1.25, PAUSE_MAX_MS)) {
    last = await look()
    if (last !== undefined && last !== false && last !== null) return last as Exclude<T, undefined | false | null>
    if (Date.now() > deadline)
      throw new Error(`within ${withinMs} ms this did not come true: ${typeof what === 'string' ? what : what()}`)
    await delay(pauseMs)
  }
}
