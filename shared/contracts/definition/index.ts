// The entry to contract definitions, for a domain that defines its own contracts.
export { Instant, isInstant, OffsetInstant } from './calendar.ts'
export * from './contract.ts'
export type { Domain } from './domain.ts'
export { keyContracts } from './keys.ts'
export type { Registry } from './registry.ts'
