// A choreography as real processes over a real broker, while each of them is killed, frozen and stopped: what
// the simulation does in one process, done to the real thing. Then all is healed and must come to its end, and what is left is judged.
import { setMaxListeners } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { breakAll, type Done } from './faults.ts'
import { startFleet } from './fleet.ts'
import { type ServiceProcess, startProcess } from './process.ts'

export type { ServiceProcess } from './process.ts'

/** What the load and the judgement have of the run. */
export interface ChaosRun<Service extends string> {
  seed: number
  /** Of any copy, another one at each call. */
  url(service: Service): string
  /** Aborted when the time is over: the load ends then. */
  signal: AbortSignal
}

export interface ChaosOptions<Service extends string> {
  /** Decides what happens to whom, and when, as far as a machine repeats itself. */
  seed: number
  seconds: number
  services: Record<Service, ServiceProcess>
  /** Processes of each service; default 1. */
  copies?: number
  /** Of the first process; each further one listens on the next. It is told to it as `PORT`. */
  port: number
  /** For the logs of the processes, `<service>.log`. */
  folder: string
  /** How long the rest may stand still before it counts as stuck, in milliseconds; default two minutes. */
  stuckAfterMs?: number
}

export interface Chaos<Service extends string> {
  /** Asks for things until the signal comes. Whoever is asked may be away: what was not answered is asked again, or not counted. */
  load(run: ChaosRun<Service>): Promise<void>
  /** What is still to do, each with its number at its end; asked until it is nothing. It may throw while somebody is away. */
  left(run: ChaosRun<Service>): Promise<string[]>
  /** What is wrong, in sentences, once nothing is left. */
  judge(run: ChaosRun<Service>): Promise<string[]>
}

export interface ChaosReport {
  /** What was done to the processes, how often. */
  done: Done
  /** Empty when everything holds. */
  violations: string[]
}

const READY_WITHIN_MS = 60_000
const STUCK_AFTER_MS = 120_000
const LOOK_EVERY_MS = 300

/** Starts the processes, and has none left when it resolves. @throws what `load` and `judge` throw; and when a process never gets ready */
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
    // Whoever fails ends it at once.
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

/** Gives what was left when it had not become less for so long; nothing when all has come to its end. */
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
