// Since when the oldest message of a queue has waited, at the least: told from counts alone, since quorum queues do not say the
// time of the message at their head. Pure.
//
// Whatever has come is either there or acknowledged. So after n acknowledgements the oldest message that is left is the (n + 1)th
// that came, or one before it; and it has waited at least since the first look by which so many had come.

export interface Sample {
  /** Of a clock that is never set. */
  atMs: number
  /** How many had come by then, at the most. */
  arrived: number
  depth: number
}

export interface Counted {
  /** Those that nobody has taken yet, and those under way. */
  depth: number
  /** Since the broker began to count. */
  acked: number
}

/** What is kept of one queue between looks: the oldest sample first, none of which the queue has been emptied since. */
export interface Followed {
  acked: number
  samples: readonly Sample[]
}

/** An hour of looks; then every second one is enough. */
const SAMPLES_MAX = 360

export function followedBy(before: Followed | undefined, { depth, acked }: Counted, atMs: number): Followed {
  const arrived = depth + acked
  // A broker that was started again counts from the beginning.
  const kept = before && before.acked <= acked ? before.samples : []
  const samples = kept
    // What went without an acknowledgement (purged, expired, given back too often) is known by a sum that fell.
    .map((sample) => ({ ...sample, arrived: Math.min(sample.arrived, arrived) }))
    .filter((sample) => sample.arrived > acked)
  const all = depth > 0 ? [...samples, { atMs, arrived, depth }] : []
  return { acked, samples: all.length > SAMPLES_MAX ? all.filter((_, index) => index % 2 === 0) : all }
}

/** Undefined for an empty queue. */
export const waitingSinceMs = ({ samples }: Followed): number | undefined => samples[0]?.atMs

/** Whether it has become no shorter for so long; false where it has not been watched for so long. */
export function isNoShorter({ samples }: Followed, forMs: number): boolean {
  const last = samples.at(-1)
  const then = last && samples.findLast(({ atMs }) => atMs <= last.atMs - forMs)
  return then !== undefined && last !== undefined && last.depth >= then.depth
}
