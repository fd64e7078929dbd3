// The door to the runtime: what a service needs to be a process.
export type { Auth } from '../http/auth.ts'
export { formOf, textFaultsOf } from '../http/encodings.ts'
export type { HttpServer } from '../http/http.ts'
export { fieldFaultsOf, problemOf } from '../http/problem.ts'
export type { OwnGauges } from '../service/metrics.ts'
export { run } from '../service/run.ts'
export {
  type RunningService,
  type Seams,
  type ServiceDefinition,
  startService,
  type Wired,
  type Wiring,
} from '../service/service.ts'
export { traceOf } from '../service/trace.ts'
export { type Breaker, breakerFor, createBreaker, type WatchedBreaker } from './breaker.ts'
export { CommonConfig, configWith, readConfig, timerSettings, variableOf } from './config.ts'
export { type Deferred, deferred } from './deferred.ts'
export * from './errors.ts'
export { type Instant, instants, reached } from './instants.ts'
export { createLog, type Log } from './log.ts'
export { lookEvery } from './looks.ts'
export { withoutPrivate } from './redact.ts'
