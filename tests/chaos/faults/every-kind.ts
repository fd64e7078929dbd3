// Every kind of fault by its name, and what each touches: of two that touch the same, the later one waits.
import type { Fault, FaultKind } from '../schedule.ts'
import type { World } from '../world.ts'
import { alarm, broker } from './broker.ts'
import { database, sessions } from './database.ts'
import type { Heal, Inject } from './fault.ts'
import { instant, relay } from './instant.ts'
import { all, kill } from './kill.ts'
import { cut, freeze } from './network.ts'
import { disk, gateway, mail } from './outside.ts'
import { clock, stop } from './process.ts'
import { replay } from './replay.ts'

const kinds: { [K in Exclude<FaultKind, 'migration'>]: Inject<K> } = {
  kill,
  instant,
  relay,
  all,
  stop,
  clock,
  broker,
  alarm,
  cut,
  freeze,
  gateway,
  mail,
  disk,
  replay,
  database,
  sessions,
}

export function inject(world: World, fault: Exclude<Fault, { kind: 'migration' }>, forMs: number): Promise<Heal> {
  // The cast ties a kind to its own function, which the type of the record above has checked.
  return (kinds[fault.kind] as Inject<FaultKind>)(world, fault, forMs)
}

/** What it hits, in a word. */
export function targetOf(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
    case 'instant':
    case 'relay':
    case 'migration':
    case 'stop':
    case 'clock':
      return fault.copy === 1 ? fault.service : `${fault.service}-${fault.copy}`
    case 'cut':
    case 'freeze':
    case 'disk':
      return fault.service
    case 'all':
      return 'everything'
    case 'gateway':
    case 'mail':
      return `${fault.kind} provider`
    case 'database':
      return 'database'
    case 'sessions':
      return `${fault.service}'s sessions`
    default:
      return 'broker'
  }
}

export function touchedBy(fault: Fault, everybody: string[]): string[] {
  const target = targetOf(fault)
  switch (fault.kind) {
    case 'all':
      return ['broker', 'database', ...everybody]
    case 'relay':
      return [target, `wire of ${fault.service}`]
    case 'stop':
    case 'cut':
    case 'freeze':
      return [...(fault.kind === 'stop' ? [target] : []), `wire of ${fault.service}`]
    case 'disk':
      return [`disk of ${target}`]
    case 'sessions':
      return ['database']
    default:
      return [target]
  }
}

/** What exactly is done, for people. */
export function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'instant':
      return `kill ${fault.instant}:${fault.times}`
    case 'migration':
      return `kill migration:${fault.statement}`
    case 'relay':
      return 'kill relay:1'
    case 'clock':
      return `clock ${fault.shiftMs > 0 ? '+' : ''}${Math.round(fault.shiftMs / 60_000)} min`
    case 'broker':
    case 'database':
      return fault.how
    case 'sessions':
      return 'throw out'
    case 'mail':
      return fault.mood
    case 'all':
      return 'kill'
    default:
      return fault.kind
  }
}
