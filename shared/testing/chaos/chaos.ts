// Chaos runs: real service processes over a real broker are killed, frozen and stopped, as the simulation does in one process.
// Then everything is repaired, all work must come to its end, and the result is judged.
import { setMaxListeners } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { breakAll, type Done } from './faults.ts'
import { startFleet } from './fleet.ts'
import { type ServiceProcess, startProcess } from './process.ts'

export type { ServiceProcess } from './process.ts'

/** What `load` and `judge` know of the run. */
export interface ChaosRun<Service extends string> {
  seed: number
  /** The address of a copy of the service: a different copy at each call. */
  url(service: Service): string
  /** Aborted when the time is over. The load ends then. */
  signal: AbortSignal
}

export interface ChaosOptions<Service extends string> {
  /** Decides which fault hits which process, and when, as far as a machine can repeat a run. */
  seed: number
  seconds: number
  services: Record<Service, ServiceProcess>
  /** Processes of each service; default 1. */
  copies?: number
  /** Port of the first process; each further one listens on the next. Passed to the process as `PORT`. */
  port: number
  /** For the logs of the processes, `<service>.log`. */
  folder: string
  /** How long the remaining work may stand still before it counts as stuck, in milliseconds; default two minutes. */
  stuckAfterMs?: number
}

export interface Chaos<Service extends string> {
  /**
   * Sends requests until the signal is aborted. A service may be down: a request without an answer is sent again or not
   * counted.
   */
  load(run: ChaosRun<Service>): Promise<void>
  /**
   * The work that is left, each line with its count at the end. Called until it is empty. It may throw while a service is down.
   */
  left(run: ChaosRun<Service>): Promise<string[]>
  /** The violations, in sentences. Called once no work is left. */
  judge(run: ChaosRun<Service>): Promise<string[]>
}

export interface ChaosReport {
  /** How often each fault was caused. */
  done: Done
  /** Empty if everything holds. */
  violations: string[]
}

const READY_WITHIN_MS = 60_000
const STUCK_AFTER_MS = 120_000
const LOOK_EVERY_MS = 300

/**
 * Starts the processes; none is left when it resolves.
 *
 * @throws what `load` and `judge` throw; and when a process never becomes ready
 */
export async function chaos<Service extends string>(
  { seed, seconds, services, copies = 1, port, folder, stuckAfterMs = STUCK_AFTER_MS }: ChaosOptions<Service>,
  { load, left, judge }: Chaos<Service>,
): Promise<ChaosReport> {
  const names = Object.keys(services) as Service[]
  const portOf = (service: Service, copy: number) => port + names.indexOf(service) * copies + copy - 1
  const healthOf = (service: Service, copy: number) => `http://127.0.0.1:${portOf(service, copy)}/health/ready`
  await mkdir(folder, { recursive: true })
  const fleet = await startFleet<Service>({
    services: names,
    copies,
    launch: ({ service, copy }, environment) =>
      startProcess(services[service], {
        more: { ...environment, PORT: String(portOf(service, copy)) },
        logPath: join(folder, `${service}.log`),
      }),
    isReady: async ({ service, copy }) => (await fetch(healthOf(service, copy))).ok,
  })
  const over = new AbortController()
  setMaxListeners(0, over.signal)
  let turn = 0
  const url = (service: Service) => `http://127.0.0.1:${portOf(service, 1 + (turn++ % copies))}`
  const run = { seed, url, signal: over.signal }
  try {
    await fleet.allReady(READY_WITHIN_MS)
    const broken = breakAll(fleet, seed, over.signal)
    const loaded = load(run)
    // A failure of any of them ends the wait.
    await Promise.race([delay(seconds * 1_000, undefined, { ref: false }), broken, loaded.then(() => broken)])
    over.abort()
    const [done] = await Promise.all([broken, loaded])
    await fleet.allReady(READY_WITHIN_MS)
    const rest = await drained(() => left(run), stuckAfterMs)
    const unwanted = fleet.exits.filter(({ wanted }) => !wanted)
    const violations = [
      ...unwanted.map((exit) => `${exit.process} ended by itself: code ${exit.code}, signal ${exit.signal}`),
      ...rest.map((line) => `nothing moves any more, and there is left: ${line}`),
      ...(await judge(run)),
    ]
    return { done, violations }
  } finally {
    over.abort()
    await fleet.stop()
  }
}

/**
 * Waits until no work is left, and returns nothing. If the work has not become less for `stuckAfterMs`, returns what is left.
 */
async function drained(left: () => Promise<string[]>, stuckAfterMs: number): Promise<string[]> {
  let least = Number.POSITIVE_INFINITY
  let movedAt = performance.now()
  for (;;) {
    const lines = await left().catch((error: Error) => [`${error.message}: 1`])
    if (lines.length === 0) return []
    const count = lines.reduce((sum, line) => sum + Number(/(\d+)$/.exec(line)?.[1] ?? 1), 0)
    if (count < least) movedAt = performance.now()
    least = Math.min(least, count)
    if (performance.now() - movedAt > stuckAfterMs) return lines
    await delay(LOOK_EVERY_MS)
  }
}
