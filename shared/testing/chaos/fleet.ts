// The processes of a chaos run: restarted after every end, killed and frozen on demand, and watched for memory use and
// unexpected ends.
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../scratch.ts'

export interface Member<Service extends string = string> {
  service: Service
  /** From 1. */
  copy: number
}

/** The end of a process, with the reason if it was unexpected and known. */
export interface FleetExit<Service extends string = string> {
  process: string
  service: Service
  /** Milliseconds since the epoch. */
  atMs: number
  code: number | null
  signal: string | null
  wanted: boolean
  why?: string | undefined
}

/** A process that was started with an IPC channel, and with `preload.mjs` if it is to be killed at instants. */
export interface FleetProcess {
  readonly pid: number
  readonly exited: Promise<{ code: number | null; signal: string | null }>
  signal(name: NodeJS.Signals): void
  send(message: object): void
}

export interface Fleet<Service extends string = string> {
  members: Member<Service>[]
  exits: FleetExit<Service>[]
  /** kill -9. The process starts again after `downMs`, with `environment` for that one start. */
  kill(member: Member<Service>, downMs: number, environment?: Record<string, string>): Promise<void>
  /**
   * Orders these processes to kill themselves at an instant. Once one has, or the time is over, withdraws the order. Returns
   * the one that did.
   */
  killAt(members: Member<Service>[], killAt: string, withinMs: number): Promise<string | undefined>
  signal(member: Member<Service>, name: 'SIGSTOP' | 'SIGCONT'): void
  /** Sets the process's wall clock ahead, in its later starts too; 0 sets it right. */
  setClock(member: Member<Service>, clockMs: number): void
  /**
   * SIGTERM. The process starts again at once, from the named build if one is given; later starts use it too. Resolves when it
   * has ended.
   */
  restart(member: Member<Service>, builtIn?: string): Promise<void>
  /** Plants a bug, also in later starts, until an empty one is given. What a bug does is up to the preload. */
  plant(member: Member<Service>, bug: string): void
  /** Resolves with true when this start of the member has ended. */
  endsWithin(member: Member<Service>, withinMs: number): Promise<boolean>
  isUp(member: Member<Service>): boolean
  /** Whether it runs and reports that it is ready. */
  isReady(member: Member<Service>): Promise<boolean>
  down(): string[]
  /** Waits until every process runs and is ready. */
  allReady(withinMs: number): Promise<void>
  /** The largest resident set of each process so far, across its starts. */
  peaks(): { process: string; peakBytes: number }[]
  /** Kills all processes. Read what they stored before. */
  stop(): Promise<void>
}

const SAMPLE_EVERY_MS = 500
/** Longer than a process may be frozen and then take to stop. */
const STOPPED_WITHIN_MS = 60_000
const never = new Promise<never>(() => undefined)

interface State<Service extends string> {
  member: Member<Service>
  running: FleetProcess | undefined
  /** If set, the next kill of this process is expected, and it is started again this way. */
  orders: { downMs: number; environment: Record<string, string> } | undefined
  /** Whether it was sent SIGTERM. */
  isToldToStop: boolean
  builtIn: string
  clockMs: number
  bug: string
}

export interface FleetOptions<Service extends string> {
  services: readonly Service[]
  /** Processes of each service. */
  copies: number
  launch(member: Member<Service>, environment: Record<string, string>, builtIn: string): Promise<FleetProcess>
  isReady(member: Member<Service>): Promise<boolean>
  /** Settings for the very first start of each. */
  first?: (member: Member<Service>) => Record<string, string>
  /** The first build of each, if there are several builds. */
  builtIn?: (member: Member<Service>) => string
  /** The last output of a process of the service before it ended unexpectedly. */
  lastWords?: (service: Service) => Promise<string | undefined>
}

/** Starts all processes and does not wait until they are ready. */
export async function startFleet<Service extends string>({
  services,
  copies,
  launch: start,
  isReady: asked,
  first = () => ({}),
  builtIn = () => '',
  lastWords = async () => undefined,
}: FleetOptions<Service>): Promise<Fleet<Service>> {
  const states = new Map<string, State<Service>>()
  const exits: FleetExit<Service>[] = []
  const peaks = new Map<string, number>()
  const members = services.flatMap((service) =>
    Array.from({ length: copies }, (_, index): Member<Service> => ({ service, copy: index + 1 })),
  )
  let stopping = false

  const nameOf = ({ service, copy }: Member<Service>) => (copies === 1 ? service : `${service}-${copy}`)
  const stateOf = (member: Member<Service>): State<Service> => {
    const state: State<Service> = states.get(nameOf(member)) ?? {
      ...{ member, running: undefined, orders: undefined, isToldToStop: false },
      ...{ clockMs: 0, bug: '', builtIn: builtIn(member) },
    }
    states.set(nameOf(member), state)
    return state
  }

  async function launch(state: State<Service>, environment: Record<string, string>): Promise<void> {
    const clock: Record<string, string> = state.clockMs === 0 ? {} : { CHAOS_CLOCK_MS: String(state.clockMs) }
    const bug: Record<string, string> = state.bug === '' ? {} : { CHAOS_BUG: state.bug }
    // A start with a kill order is expected to end.
    state.orders = 'CHAOS_KILL_AT' in environment ? { downMs: 200, environment: {} } : undefined
    state.isToldToStop = false
    const { builtIn: launched } = state
    const running = await start(state.member, { ...clock, ...bug, ...environment }, launched)
    state.running = running
    if (state.builtIn !== launched) tellToStop(state)
    void running.exited.then(({ code, signal }) => ended(state, code, signal))
  }

  function tellToStop(state: State<Service>): void {
    state.isToldToStop = true
    state.running?.signal('SIGTERM')
  }

  async function ended(state: State<Service>, code: number | null, signal: string | null): Promise<void> {
    state.running = undefined
    if (stopping) return
    const { orders, member, isToldToStop } = state
    const isKilled = orders !== undefined && signal === 'SIGKILL'
    // Before the process listens for SIGTERM, the signal itself ends it.
    const isStopped = isToldToStop && (code === 0 || signal === 'SIGTERM')
    const wanted = isKilled || isStopped
    const exit: FleetExit<Service> = {
      process: nameOf(member),
      service: member.service,
      atMs: Date.now(),
      code,
      signal,
      wanted,
    }
    exits.push(exit)
    if (!wanted) exit.why = await lastWords(member.service)
    // A process that fails at each start must not keep the machine busy.
    await delay(isKilled ? orders.downMs : isStopped ? 0 : 1_000)
    if (!stopping) await launch(state, isKilled ? orders.environment : {})
  }

  async function sample(): Promise<void> {
    for (const { member, running } of states.values()) {
      if (!running) continue
      const bytes = await peakOf(running.pid)
      peaks.set(nameOf(member), Math.max(bytes, peaks.get(nameOf(member)) ?? 0))
    }
  }

  const sampling = setInterval(() => void sample(), SAMPLE_EVERY_MS)
  const fleet: Fleet<Service> = {
    members,
    exits,
    async kill(member, downMs, environment = {}) {
      const state = stateOf(member)
      const { running } = state
      if (!running) return
      state.orders = { downMs, environment }
      running.signal('SIGKILL')
      await running.exited
    },
    async killAt(targets, killAt, withinMs) {
      const armed = targets.map(stateOf)
      for (const state of armed) {
        state.orders = { downMs: 200, environment: {} }
        state.running?.send({ killAt })
      }
      const ends = armed.map(async ({ member }) =>
        (await fleet.endsWithin(member, withinMs)) ? nameOf(member) : never,
      )
      const killed = await Promise.race([...ends, delay(withinMs, undefined, { ref: false })])
      for (const { running } of armed) running?.send({ killAt: '' })
      return killed
    },
    signal: (member, name) => stateOf(member).running?.signal(name),
    setClock(member, clockMs) {
      const state = stateOf(member)
      state.clockMs = clockMs
      state.running?.send({ clockMs })
    },
    async restart(member, wished) {
      const state = stateOf(member)
      if (wished === state.builtIn) return
      state.builtIn = wished ?? state.builtIn
      const { running } = state
      if (!running) return
      tellToStop(state)
      // If the process does not stop, its unexpected end is reported.
      if (!(await fleet.endsWithin(member, STOPPED_WITHIN_MS))) running.signal('SIGKILL')
      await running.exited
    },
    plant(member, bug) {
      const state = stateOf(member)
      state.bug = bug
      state.running?.send({ bug })
    },
    async endsWithin(member, withinMs) {
      const { running } = stateOf(member)
      const limit = new AbortController()
      const late = delay(withinMs, false, { signal: limit.signal }).catch(() => false)
      const ends = await Promise.race([running?.exited.then(() => true) ?? late, late])
      limit.abort()
      return ends
    },
    isUp: (member) => stateOf(member).running !== undefined,
    isReady: async (member) => fleet.isUp(member) && (await asked(member).catch(() => false)),
    down: () => members.filter((member) => !fleet.isUp(member)).map(nameOf),
    async allReady(withinMs) {
      for (const member of members)
        await eventually(`${nameOf(member)} is ready`, () => fleet.isReady(member), withinMs)
    },
    peaks: () => members.map((member) => ({ process: nameOf(member), peakBytes: peaks.get(nameOf(member)) ?? 0 })),
    async stop() {
      stopping = true
      clearInterval(sampling)
      const running = [...states.values()].flatMap((state) => state.running ?? [])
      for (const process of running) process.signal('SIGKILL')
      await Promise.all(running.map(({ exited }) => exited))
    },
  }
  await Promise.all(members.map((member) => launch(stateOf(member), first(member))))
  return fleet
}

/** The kernel's own high-water mark. Sampling misses none while the process lives (Linux, proc(5)). */
async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1_024
}
