// The door to what a contract is, for a domain that has contracts of its own.
export { Instant, isInstant, OffsetInstant } from './calendar.ts'
export * from './contract.ts'
export type { Domain } from './domain.ts'
export { keyContracts } from './keys.ts'
export type { Registry } from './registry.ts'
