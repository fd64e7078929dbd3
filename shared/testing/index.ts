// The entry to testing: exports the in-memory broker, other test helpers, and the simulation of all services.
export {
  type Chaos,
  type ChaosOptions,
  type ChaosReport,
  type ChaosRun,
  chaos,
  type ServiceProcess,
} from './chaos/chaos.ts'
export {
  type Fleet,
  type FleetExit,
  type FleetOptions,
  type FleetProcess,
  type Member,
  startFleet,
} from './chaos/fleet.ts'
export { decideAlone, handleAlone } from './decide.ts'
export { createMemoryBroker, type MemoryBroker } from './memory-broker.ts'
export type { Schedule } from './memory-queue.ts'
export { permutations, sequences } from './permutations.ts'
export { type RecordedSpan, recordSpans } from './recorded-spans.ts'
export { matchesTopic, route } from './routing.ts'
export { eventually, keepingLog, type LogLine, scratchFolder } from './scratch.ts'
export type { Store } from './simulation/database.ts'
export type { Faults, Place as AwaitPlace } from './simulation/faults.ts'
export { hashOfTable, type Kept as KeptAtRest, rowsOf } from './simulation/kept.ts'
export type { Letter } from './simulation/operator.ts'
export type { Process } from './simulation/process.ts'
export { createRandom, hashOf, type Random } from './simulation/random.ts'
export { reportText } from './simulation/report.ts'
export {
  commonChecks,
  insist,
  live,
  type Progress,
  type Report,
  type Scenario,
  simulate,
} from './simulation/simulate.ts'
export type { Counted, Tally } from './simulation/tally.ts'
export type { Time } from './simulation/time.ts'
export { type Check, type Complain, type Look, lettersAreAccounted, type Violation } from './simulation/verdict.ts'
export { createWitness, type Witness } from './simulation/witness.ts'
export {
  type Asked,
  createWorld,
  type Heard,
  type SimulatedService,
  simulated,
  type Tamper,
  type World,
  type WorldOptions,
} from './simulation/world.ts'
export { tracing, typesInTrace } from './tracing.ts'
