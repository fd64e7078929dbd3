// What every kind of fault is: a function that breaks one thing and returns how to heal it.
import type { Fault, FaultKind } from '../schedule.ts'
import type { World } from '../world.ts'

/** How often the fault was felt, by the words for it. */
export interface Effect {
  felt: number
  what: string
}

/** Puts right what was broken, and tells what came of it. Called once, however the run ends. */
export type Heal = () => Promise<Effect>

export type FaultOf<K extends FaultKind> = Extract<Fault, { kind: K }>

/** Rejects when it cannot be done now, with nothing broken. */
export type Inject<K extends FaultKind> = (world: World, fault: FaultOf<K>, forMs: number) => Promise<Heal>
