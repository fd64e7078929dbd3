// Every kind of fault by its name, and what each touches: of two that touch the same, the later one waits.
import { type Fault, type FaultKind, refusable } from '../schedule.ts'
import type { World } from '../world.ts'
import { alarm, broker } from './broker.ts'
import { bug } from './bug.ts'
import { database, sessions } from './database.ts'
import type { Heal, Inject } from './fault.ts'
import { instant, relay } from './instant.ts'
import { all, kill } from './kill.ts'
import { missing } from './missing.ts'
import { cut, freeze } from './network.ts'
import { odd } from './odd.ts'
import { disk, gateway, mail } from './outside.ts'
import { early, refuse } from './policy.ts'
import { clock, stop } from './process.ts'
import { replay } from './replay.ts'
import { silence } from './silence.ts'
import { versions } from './versions.ts'

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
  refuse,
  early,
  odd,
  missing,
  bug,
  silence,
  versions,
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
    case 'versions':
      return fault.copy === 1 ? fault.service : `${fault.service}-${fault.copy}`
    case 'cut':
    case 'freeze':
    case 'disk':
    case 'bug':
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
    case 'silence':
      return `${fault.service}'s database`
    case 'refuse':
    case 'early':
    case 'missing':
      return fault.queue
    case 'odd':
      return 'every queue'
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
    case 'refuse':
      return ['broker', target, ...processesOf(refusable[fault.queue], everybody), `wire of ${refusable[fault.queue]}`]
    case 'early':
      return ['broker', target]
    case 'bug':
      return [`bug of ${target}`]
    case 'missing': {
      const service = fault.queue.replace(/\..*/, '')
      return ['broker', 'queue beside', target, ...processesOf(service, everybody), `wire of ${service}`]
    }
    case 'silence':
      return ['database', ...processesOf(fault.service, everybody)]
    case 'versions':
      return [`version of ${target}`]
    default:
      return [target]
  }
}

function processesOf(service: string, everybody: string[]): string[] {
  return everybody.filter((name) => name === service || name.startsWith(`${service}-`))
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
    case 'refuse':
      return `full, its reader ${fault.how === 'kill' ? 'dead' : 'frozen'}`
    case 'early':
      return `timers come after ${fault.ttlMs} ms`
    case 'bug':
      return `TypeError in ${fault.where}`
    case 'missing':
      return 'deleted'
    case 'silence':
      return fault.how === 'hold' ? 'silent, then goes on' : 'silent, its connections lost'
    case 'all':
      return 'kill'
    case 'versions':
      return 'as the last release'
    default:
      return fault.kind
  }
}
