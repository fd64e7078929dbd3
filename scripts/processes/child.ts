// Child processes as plain values: started in a group of their own, awaited by their exit, stopped for certain.
import { type SpawnOptions, spawn } from 'node:child_process'
import { setTimeout as delay } from 'node:timers/promises'

export interface Exit {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface Running {
  readonly pid: number
  readonly stdout: NodeJS.ReadableStream | null
  readonly stderr: NodeJS.ReadableStream | null
  /** Settles once the process is gone and its output has been read; never rejects. */
  readonly exited: Promise<Exit>
  readonly hasExited: () => boolean
  /** Signals the process and everything it started. */
  readonly signal: (name: NodeJS.Signals) => void
  readonly onMessage: (listener: (message: unknown) => void) => void
  /** To a process that was started with an IPC channel; one that has gone hears nothing. */
  readonly send: (message: object) => void
}

/**
 * Starts a process in its own process group, so that a terminal's Ctrl-C reaches only us and we decide who stops when.
 * @throws an Error when the command does not exist
 */
export async function start(command: string, args: string[], options: SpawnOptions = {}): Promise<Running> {
  const child = spawn(command, args, { ...options, detached: true })
  let gone = false
  const exited = new Promise<Exit>((settle) => {
    child.once('close', (code, signal) => {
      gone = true
      settle({ code, signal })
    })
  })
  await new Promise<void>((settle, reject) => {
    child.once('spawn', settle)
    child.once('error', (cause) => reject(new Error(`Cannot start ${command}: ${cause.message}`, { cause })))
  })
  const pid = child.pid ?? 0
  return {
    pid,
    stdout: child.stdout,
    stderr: child.stderr,
    exited,
    hasExited: () => gone,
    signal: (name) => {
      if (!gone) signalGroup(pid, name)
    },
    onMessage: (listener) => child.on('message', listener),
    send: (message) => {
      if (child.connected) child.send(message, () => undefined)
    },
  }
}

/** Asks a process to end and makes it end: SIGTERM, then SIGKILL after `limitMs`. */
export async function stop(running: Running, limitMs: number): Promise<void> {
  running.signal('SIGTERM')
  if (await within(running.exited, limitMs)) return
  running.signal('SIGKILL')
  await running.exited
}

/** Runs a command to its end and gives its standard output; an exit code other than 0 throws with what it said. */
export async function capture(command: string, args: string[], options: SpawnOptions = {}): Promise<string> {
  const running = await start(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  running.stdout?.on('data', (chunk) => {
    output.stdout += chunk
  })
  running.stderr?.on('data', (chunk) => {
    output.stderr += chunk
  })
  const { code, signal } = await running.exited
  if (code === 0) return output.stdout
  const said = output.stderr.trim() || output.stdout.trim()
  throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? `code ${code}`}: ${said}`)
}

async function within(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  const timer = new AbortController()
  const late = delay(limitMs, false, { signal: timer.signal }).catch(() => false)
  const inTime = await Promise.race([promise.then(() => true), late])
  timer.abort()
  return inTime
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch (error) {
    // The group may be gone a moment before its exit is reported.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}
