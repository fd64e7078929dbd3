// What every kind of fault is: a function that breaks one thing and returns how to heal it.
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceName } from '../../support/system.ts'
import type { Refused, Thrown } from '../oracle/snapshot.ts'
import type { Fault, FaultKind } from '../schedule.ts'
import type { World } from '../world.ts'

/** How often the fault was felt, by the words for it. */
export interface Effect {
  felt: number
  what: string
  /** For the oracle: what was refused, and what of the audit log came meanwhile. */
  refused?: Refused
  /** For the oracle: what was put into queues. */
  thrown?: Thrown[]
  /** What lay in this queue in that time was lost by our hand. */
  emptied?: { queue: string; fromMs: number; toMs: number }
  /** For the oracle: what a service answered while it had no database. */
  looked?: { service: ServiceName; status: number }[]
}

/** Puts right what was broken, and tells what came of it. Called once, however the run ends. */
export type Heal = () => Promise<Effect>

export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>

/** Rejects when it cannot be done now, with nothing broken. */
export type Inject<K extends FaultKind> = (world: World, fault: FaultOf<K>, forMs: number) => Promise<Heal>

const PATIENCE_MS = 15_000
const LOOK_EVERY_MS = 50

/**
 * Waits a while for a fact: for what is to be broken to be there, or for the fault to be felt before it is healed, since on
 * a busy machine nothing may happen in the time that the plan gives it. Gives whether it came true.
 */
export async function untilTrue(isTrue: () => boolean | Promise<boolean>, withinMs = PATIENCE_MS): Promise<boolean> {
  for (const deadline = performance.now() + withinMs; ; await delay(LOOK_EVERY_MS)) {
    if (await isTrue()) return true
    if (performance.now() > deadline) return false
  }
}
