// Counts events of a run, and hashes everything that was decided. Two runs with one hash were the same run.
import { hashOf } from './random.ts'

export interface Tally {
  counts: Record<Counted, number>
  add(what: Counted, howMany?: number): void
  /** Adds a decision to the hash of the run. */
  note(what: string, atMs: number): void
  hash(): number
}

const counted = [
  'events',
  'crashes',
  'starts',
  'cuts',
  'published',
  'duplicates',
  'overtaken',
  'deliveries',
  'retries',
  'stuck timers',
  'calls',
  'call faults',
  'statement faults',
  'garbage',
  'old messages',
  'dead letters',
] as const
export type Counted = (typeof counted)[number]

export function createTally(): Tally {
  const counts = Object.fromEntries(counted.map((what) => [what, 0])) as Record<Counted, number>
  let hash = hashOf('')
  return {
    counts,
    add(what, howMany = 1) {
      counts[what] += howMany
    },
    note(what, atMs) {
      hash = Math.imul(hashOf(what, hash) ^ Math.round(atMs * 1_000), 0x01000193) >>> 0
    },
    hash: () => hash,
  }
}
