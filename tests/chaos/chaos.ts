// One chaos run from its first process to its verdict: load and faults side by side, then all is healed and must drain,
// and the oracle judges what is left.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import type { PostgresServer } from '../../scripts/postgres/server.ts'
import { serviceNames } from '../support/system.ts'
import { type Drained, depthsOf, drain, readDeadLetters } from './drain.ts'
import { type Injected, type Injector, startInjector } from './injector.ts'
import { type Load, startLoad } from './load.ts'
import { type Messages, startMessages } from './messages.ts'
import { observeStock } from './observe.ts'
import type { Options } from './options.ts'
import { type Judged, judge } from './oracle/judge.ts'
import { readKept, readStock } from './oracle/read.ts'
import type { Asked, Refused, Snapshot, StockRow, Thrown, Window } from './oracle/snapshot.ts'
import { openRehearsals } from './rehearsals.ts'
import { type Planned, planFaults } from './schedule.ts'
import { takenByStandIns } from './stand-ins.ts'
import { topologyOf, topologyOnceWhole } from './topology.ts'
import { isPassed } from './verdict.ts'
import { type BrokerNode, openWorld, TRANSIT_MS, type World } from './world.ts'

export interface ChaosOptions extends Options {
  node: BrokerNode
  /** Of a run on PostgreSQL, its server. */
  postgres?: PostgresServer | undefined
  servicesDir: string
  signal: AbortSignal
  say(line: string): void
  /** Told a few times a second how the run stands. */
  progress(state: Progress): void
  preload?: string
  /** The folder for the logs and data of a run of which not everything holds. */
  keepIn?: string
  /** How long the rest may stand still before it counts as stuck. */
  drainWithinMs?: number
}

export interface Progress {
  phase: 'starting' | 'running' | 'healing' | 'draining'
  elapsedMs: number
  accepted: number
  ended: number
  faults: number
  broken: string[]
  /** While draining: what is still to do. */
  left: string[]
}

export interface Result {
  injected: Injected[]
  judged: Judged[]
  drained: Drained
  /** Orders answered 202. */
  accepted: number
  copies: number
  leftOut: string[]
}

const PROGRESS_EVERY_MS = 250
const READY_WITHIN_MS = 120_000
/** A route that was refused is tried ever more rarely, and by a channel that has not been refused more rarely still. */
const HEALED_WITHIN_MS = 300_000
const ANSWERED_WITHIN_MS = 120_000
/** Longer than the longest wait for a retry and the mail server's silence together, on a machine that has other work. */
const DRAIN_WITHIN_MS = 180_000
const MEMORY_MAX_BYTES = 512 * 1_048_576

/** Runs to the end and closes all it opened. Interrupted, it heals, closes, and gives undefined. */
export async function runChaos(options: ChaosOptions): Promise<Result | undefined> {
  const { signal } = options
  // Every fault and every request of the load listens to it.
  setMaxListeners(0, signal)
  const plan = planFaults(options)
  const world = await openWorld({ ...options, plan })
  try {
    const result = await runIn(world, plan, options)
    if (signal.aborted) return undefined
    if (options.keepIn !== undefined && !isPassed(result)) {
      await world.fleet.stop()
      await world.system.keepIn(options.keepIn)
    }
    return result
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    await world.close()
  }
}

async function runIn(world: World, plan: Planned[], options: ChaosOptions): Promise<Result> {
  const { seed, rate, minutes, signal, say, drainWithinMs = DRAIN_WITHIN_MS } = options
  const leftOut =
    world.disks.areSmall || !plan.some(({ kind }) => kind === 'disk') ? [] : ['disk: mounting a small disk needs root']
  for (const why of leftOut) say(`Left out: ${why}`)
  await world.fleet.allReady(READY_WITHIN_MS)
  const stockBefore = await readStock(world.rows)
  const topologyBefore = await topologyOf(world.vhost)

  const forMs = minutes * 60_000
  const loadEndedMs = Date.now() + forMs
  const urlOf = addresses(world)
  const messages = startMessages(world.vhost.amqpUrl, seed)
  const observer = observeStock(world)
  const injector = startInjector(world, plan, signal)
  const upgrades = plan.filter(({ kind }) => kind === 'versions').length
  const upgraded = () => injector.injected.filter(({ fault, toMs }) => fault.kind === 'versions' && toMs).length
  // Bugs alone keep the others from the provider for so long that it would rightly be taken for gone.
  const silentGateway = plan.some(({ kind }) => kind !== 'bug')
  const load = startLoad({ seed, rate, forMs, urlOf, knowsPrices: () => upgraded() >= upgrades, silentGateway })
  const pause = (ms: number) => delay(ms, undefined, { signal, ref: false }).catch(() => undefined)
  const interrupted = () => {
    load.stop()
    load.abandon()
  }
  signal.addEventListener('abort', interrupted, { once: true })
  const reporting = reportProgress(world, { load, injector }, options)
  try {
    await Promise.all([injector.finished, pause(forMs)])
    reporting.now('healing')
    await world.fleet.allReady(HEALED_WITHIN_MS)
    await Promise.race([load.finished, pause(ANSWERED_WITHIN_MS)])
    // What is not answered by now is a finding.
    load.abandon()
    await load.finished
    await messages.stop()
    await observer.stop()
    reporting.now('draining')
    const thrown = new Set(thrownIn(messages, injector).map(({ digest }) => digest))
    const rehearsing = openRehearsals(world, signal)
    const again = rehearsing.rehearseAll
    const drained = await drain(world, { withinMs: drainWithinMs, signal, tell: reporting.left, again, thrown })
    const { sentAgain, ...rehearsals } = await rehearsing.end()
    const snapshot = await snapshotOf(world, {
      stockBefore,
      topologyBefore,
      loadEndedMs,
      load,
      messages,
      sentAgain: [...drained.sentAgain, ...sentAgain],
      rehearsals,
      looks: observer.looks,
      injector,
    })
    const migration = migrationsOf(world, plan)
    return {
      injected: [...migration, ...injector.injected],
      judged: judge(snapshot),
      drained,
      accepted: load.accepted.size,
      copies: messages.copies(),
      leftOut,
    }
  } finally {
    reporting.end()
    interrupted()
    await Promise.allSettled([messages.stop(), observer.stop()])
  }
}

/** Another copy at each call, so that repeats meet other processes than the first time. */
function addresses({ fleet, system }: World): (service: 'order' | 'inventory') => string {
  let turn = 0
  return (service) => {
    const copies = fleet.members.filter((member) => member.service === service)
    return system.url(service, copies[turn++ % copies.length]?.copy)
  }
}

function reportProgress(
  world: World,
  { load, injector }: { load: Load; injector: Injector },
  { progress }: ChaosOptions,
): { now(phase: Progress['phase']): void; left(left: string[]): void; end(): void } {
  const startedAt = performance.now()
  let phase: Progress['phase'] = 'running'
  let ended = 0
  let left: string[] = []
  const tell = async () => {
    const counted = await world
      .rows<{ count: number }>(
        'order-service',
        `select count(*) as count from orders where status in ('completed', 'cancelled')`,
      )
      .catch(() => [])
    ended = Number(counted[0]?.count ?? ended)
    const broken = [...injector.broken(), ...world.fleet.down().map((name) => `${name}: down`)]
    const elapsedMs = performance.now() - startedAt
    progress({ phase, elapsedMs, accepted: load.accepted.size, ended, faults: injector.injected.length, broken, left })
  }
  const timer = setInterval(() => void tell(), PROGRESS_EVERY_MS)
  return {
    now(next) {
      phase = next
    },
    left(now) {
      left = now
    },
    end: () => clearInterval(timer),
  }
}

/** The one fault that happens before all others, in the very first start. */
function migrationsOf({ fleet }: World, plan: Planned[]): Injected[] {
  return plan.flatMap((fault) => {
    if (fault.kind !== 'migration') return []
    const killed = fleet.exits.find(({ service, wanted }) => service === fault.service && wanted)
    const atMs = killed?.atMs ?? 0
    const effect = { felt: killed ? 1 : 0, what: 'killed in its first start, on an empty data folder' }
    return [
      { fault, target: fault.service, what: `kill migration:${fault.statement}`, fromMs: atMs, toMs: atMs, effect },
    ]
  })
}

interface Witnesses {
  stockBefore: StockRow[]
  topologyBefore: string[]
  loadEndedMs: number
  load: Load
  messages: Messages
  sentAgain: Snapshot['sentAgain']
  rehearsals: Snapshot['rehearsals']
  looks: Snapshot['stockLooks']
  injector: Injector
}

async function snapshotOf(
  world: World,
  { stockBefore, topologyBefore, loadEndedMs, load, messages, sentAgain, rehearsals, looks, injector }: Witnesses,
): Promise<Snapshot> {
  const { fleet, mail, vhost } = world
  const released = injector.injected.flatMap(({ fault }) => (fault.kind === 'versions' ? [fault.service] : []))
  return {
    ...(await readKept(world.rows)),
    asked: [...load.asked, ...lookedAt(injector)],
    stockBefore,
    stockLooks: looks,
    accepted: [...mail.accepted, ...takenByStandIns(await world.system.log('notification'), released)],
    deadLetters: await readDeadLetters(world.rows),
    queues: await depthsOf(vhost),
    sentAgain,
    rehearsals,
    thrown: thrownIn(messages, injector),
    repeating: repeatingIn(world, injector),
    released,
    toldByRelease: toldByReleaseIn(injector),
    refusedAddresses: [...mail.refused],
    windows: windowsOf(world, injector),
    refusals: refusalsOf(injector, loadEndedMs),
    topology: { before: topologyBefore, after: await topologyOnceWhole(vhost, topologyBefore) },
    transitMs: TRANSIT_MS,
    exits: fleet.exits,
    memory: fleet.peaks(),
    memoryMaxBytes: MEMORY_MAX_BYTES,
  }
}

/** Whoever has no database says so, or answers by what it has read before or after. */
function lookedAt({ injected }: Injector): Asked[] {
  const looks = injected.flatMap(({ effect }) => effect?.looked ?? [])
  return looks.map(({ service, status }) => ({ action: 'look', orderId: service, status }))
}

function thrownIn({ garbage }: Messages, { injected }: Injector): Thrown[] {
  const emptied = injected.flatMap(({ effect }) => effect?.emptied ?? [])
  const mayBeGone = ({ queue, atMs }: Thrown) =>
    emptied.some((gone) => gone.queue === queue && atMs >= gone.fromMs && atMs <= gone.toMs)
  const all = [...garbage, ...injected.flatMap(({ effect }) => effect?.thrown ?? [])]
  return all.map((one) => (mayBeGone(one) ? { ...one, confirmed: false } : one))
}

/** What leaves every delivery to the one attempt that it was handed out to. */
const REPEATS_NOTHING = ['odd', 'clock', 'gateway', 'mail', 'early', 'bug']

/** Of the others each may hand a delivery out again whose dead letter is there already. */
function repeatingIn({ fleet }: World, { injected }: Injector): string[] {
  const disturbing = injected.map(({ fault }) => fault).filter(({ kind }) => !REPEATS_NOTHING.includes(kind))
  const named = disturbing.map((fault) => ('service' in fault ? [fault.service] : serviceNames))
  return [...new Set([...named.flat(), ...fleet.exits.map(({ service }) => service)])]
}

/**
 * Of what is refused, no publisher is held up elsewhere; that can be said only while nothing else holds it up, and orders come, which
 * they do not while nobody reads order-service's queue.
 */
function refusalsOf({ injected }: Injector, loadEndedMs: number): Refused[] {
  return injected.flatMap(({ fault, fromMs, toMs = fromMs, effect }) => {
    const others = injected.filter((other) => other.fault !== fault && !leavesAlone(other))
    const isAlone = !others.some((other) => other.fromMs <= toMs && (other.toMs ?? Date.now()) >= fromMs)
    const haveOrders = toMs <= loadEndedMs && effect?.refused?.queue !== 'order.queue'
    return effect?.refused && isAlone && haveOrders ? [effect.refused] : []
  })
}

/** What keeps no service from publishing. */
const leavesAlone = ({ fault }: Injected) => ['clock', 'mail', 'early', 'replay', 'odd'].includes(fault.kind)

/** A process that starts as the release tells from its start on, before its fault is said to have come. */
function toldByReleaseIn({ injected }: Injector): Snapshot['toldByRelease'] {
  const telling = injected.filter(({ fault }) => fault.kind === 'versions' && fault.service === 'notification')
  return telling.map(({ fault, fromMs, toMs = Date.now() }) => ({ fromMs: fault.atMs === 0 ? 0 : fromMs, toMs }))
}

/** What was taken meanwhile cannot be recorded. */
function keepsFromWriting(fault: Planned): boolean {
  if (fault.kind === 'database') return true
  return ['disk', 'sessions', 'silence'].includes(fault.kind) && 'service' in fault && fault.service === 'notification'
}

/** As long as a mail may be under way. */
const MAIL_TIMEOUT_MS = 20_000
const MOMENT_MS = 2_000
/** The prefetches of the four channels. */
const UNDER_WAY_MAX = 32 + 16 + 64 + 64

/** When a mail may have been taken and not recorded: its caller died, or could not write. */
function windowsOf({ fleet }: World, { injected }: Injector): Window[] {
  const deaths = fleet.exits
    .filter(({ service }) => service === 'notification')
    .map(({ atMs, process }) => ({
      fromMs: atMs - MAIL_TIMEOUT_MS,
      toMs: atMs + MOMENT_MS,
      why: `${process} died`,
      max: UNDER_WAY_MAX,
    }))
  const full = injected.filter(({ fault }) => keepsFromWriting(fault))
  const troubles = full.map(({ fault, fromMs, toMs = Date.now() }) => ({
    fromMs: fromMs - MAIL_TIMEOUT_MS,
    toMs: toMs + MOMENT_MS,
    why: fault.kind,
    // While nothing can be written, each of the four attempts may be taken.
    max: Number.MAX_SAFE_INTEGER,
  }))
  return [...deaths, ...troubles]
}
