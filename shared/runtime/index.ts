// The entry to the runtime: exports what a service needs to be a process.
export type { Auth } from '../http/auth.ts'
export { formOf, textFaultsOf } from '../http/encodings.ts'
export type { Example } from '../http/examples.ts'
export type { HttpServer } from '../http/http.ts'
export { Conditions, demandCondition, demandUnchanged, entityTagOf, hasCondition } from '../http/preconditions.ts'
export { fieldFaultsOf, problemOf } from '../http/problem.ts'
export { daysOf, kernelsTables, type Table, type Tables } from '../retention/tables.ts'
export type { ServiceDefinition, Wired, Wiring } from '../service/definition.ts'
export type { Gather, Gathered } from '../service/gathering.ts'
export { heal } from '../service/heal.ts'
export {
  type About,
  type HeldRecord,
  type Holding,
  type Holdings,
  kernelsHoldings,
  type MissingRecords,
  recordOf,
  rowsOf,
} from '../service/holdings.ts'
export type { OwnGauges } from '../service/metrics.ts'
export { openServiceBroker } from '../service/opening.ts'
export type { Owed, Recall } from '../service/recall.ts'
export { run } from '../service/run.ts'
export { type RunningService, type Seams, startService, VERSION } from '../service/service.ts'
export { traceOf } from '../service/trace.ts'
export { type Breaker, breakerFor, createBreaker, type WatchedBreaker } from './breaker.ts'
export { CommonConfig, configWith, Days, readConfig, timerSettings, variableOf } from './config.ts'
export { type Deferred, deferred } from './deferred.ts'
export * from './errors.ts'
export { type Instant, instants, reached } from './instants.ts'
export { createLog, type Log } from './log.ts'
export { lookEvery } from './looks.ts'
export { withoutPrivate } from './redact.ts'
