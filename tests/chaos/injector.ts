// Carries out the plan of faults: each at its time, in parallel where they touch different things, and heals every one
// of them however the run ends.
import { setTimeout as delay } from 'node:timers/promises'
import { describe, inject, targetOf, touchedBy } from './faults/every-kind.ts'
import type { Effect } from './faults/fault.ts'
import type { Fault, Planned } from './schedule.ts'
import type { World } from './world.ts'

export interface Injected {
  fault: Planned
  target: string
  /** What exactly was done. */
  what: string
  fromMs: number
  /** Undefined while it is not healed. */
  toMs?: number
  effect?: Effect
  /** Why it could not be injected or healed. */
  error?: string
}

export interface Injector {
  /** Those that have begun, in that order. */
  injected: Injected[]
  /** What is broken at this moment, for people. */
  broken(): string[]
  /** Resolves when the plan is over and all is healed. */
  finished: Promise<void>
}

type Breakable = Exclude<Planned, { kind: 'migration' }>

export function startInjector(world: World, plan: Planned[], signal: AbortSignal): Injector {
  const injected: Injected[] = []
  const lastOn = new Map<string, Promise<void>>()
  const everybody = world.fleet.members.map(({ service, copy }) => targetOf({ kind: 'kill', service, copy }))
  const pause = (ms: number) => delay(Math.max(0, ms), undefined, { signal }).catch(() => undefined)
  const startedAt = performance.now()
  const endMs = Math.max(0, ...plan.map(({ atMs }) => atMs))

  async function carryOut(fault: Breakable): Promise<void> {
    await pause(fault.atMs - (performance.now() - startedAt))
    const touched = touchedBy(fault, everybody)
    const before = touched.map((name) => lastOn.get(name))
    const done = Promise.all(before).then(() => breakAndHeal(fault))
    for (const name of touched) lastOn.set(name, done)
    await done
  }

  async function breakAndHeal(fault: Breakable): Promise<void> {
    // What had to wait beyond the end of the plan is left out.
    if (signal.aborted || performance.now() - startedAt > endMs + fault.forMs) return
    const entry: Injected = { fault, target: targetOf(fault), what: describe(fault), fromMs: Date.now() }
    injected.push(entry)
    try {
      const heal = await inject(world, fault, fault.forMs)
      if (!waitsByItself(fault)) await pause(fault.forMs)
      entry.effect = await heal()
    } catch (error) {
      entry.error = error instanceof Error ? error.message : String(error)
    }
    entry.toMs = Date.now()
  }

  const faults = plan.filter((fault): fault is Breakable => fault.kind !== 'migration')
  const possible = faults.filter(({ kind }) => kind !== 'disk' || world.disks.areSmall)
  return {
    injected,
    broken: () => injected.filter(({ toMs }) => toMs === undefined).map(({ what, target }) => `${target}: ${what}`),
    finished: Promise.all(possible.map(carryOut)).then(() => undefined),
  }
}

/** For these the time is part of what is done, not how long it stays so. */
function waitsByItself({ kind }: Fault): boolean {
  return ['kill', 'all', 'instant', 'relay', 'replay', 'alarm', 'missing'].includes(kind)
}
