// The door to the runtime: what a service needs to be a process.
export type { Auth } from './auth.ts'
export { type Breaker, breakerFor, createBreaker } from './breaker.ts'
export { CommonConfig, configWith, readConfig, timerSettings, variableOf } from './config.ts'
export { type Deferred, deferred } from './deferred.ts'
export { formOf, textFaultsOf } from './encodings.ts'
export * from './errors.ts'
export type { HttpServer } from './http.ts'
export { type Instant, instants } from './instants.ts'
export { createLog, type Log } from './log.ts'
export type { OwnGauges } from './metrics.ts'
export { fieldFaultsOf, problemOf } from './problem.ts'
export { withoutPrivate } from './redact.ts'
export { run } from './run.ts'
export {
  type RunningService,
  type Seams,
  type ServiceDefinition,
  startService,
  type Wired,
  type Wiring,
} from './service.ts'
export { traceOf } from './trace.ts'
