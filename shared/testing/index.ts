// The door to testing: the in-memory broker and what else tests need to stand on their own.
export { decideAlone, handleAlone } from './decide.ts'
export { createMemoryBroker, type MemoryBroker } from './memory-broker.ts'
export type { Schedule } from './memory-queue.ts'
export { permutations, sequences } from './permutations.ts'
export { matchesTopic, route } from './routing.ts'
export { eventually, keepingLog, type LogLine, scratchFolder } from './scratch.ts'
export { tracing, typesInTrace } from './tracing.ts'
