// Estimates from counts alone how long the oldest message of a queue has waited at least, since quorum queues do not report the
// time of the message at their head. Pure.
//
// Every message that arrived is either in the queue or acked. So after n acks, the oldest message left is the (n + 1)th that
// arrived, or an earlier one. It has waited at least since the first sample by which n + 1 messages had arrived.

export interface Sample {
  /** By a monotonic clock. */
  atMs: number
  /** How many messages had arrived by then, at most. */
  arrived: number
  depth: number
}

export interface Counted {
  /** Messages that are ready or unsettled. */
  depth: number
  /** Since the broker began to count. */
  acked: number
}

/** The samples of one queue, the oldest first. The queue was not emptied of the messages of any of them. */
export interface Followed {
  acked: number
  samples: readonly Sample[]
}

/** An hour of samples. Beyond that, every second one is dropped. */
const SAMPLES_MAX = 360

export function followedBy(before: Followed | undefined, { depth, acked }: Counted, atMs: number): Followed {
  const arrived = depth + acked
  // A restarted broker counts from the beginning.
  const kept = before && before.acked <= acked ? before.samples : []
  const samples = kept
    // A message may leave without an ack: purged, expired or returned too often. Then the sum of depth and acks falls.
    .map((sample) => ({ ...sample, arrived: Math.min(sample.arrived, arrived) }))
    .filter((sample) => sample.arrived > acked)
  const all = depth > 0 ? [...samples, { atMs, arrived, depth }] : []
  return { acked, samples: all.length > SAMPLES_MAX ? all.filter((_, index) => index % 2 === 0) : all }
}

/** Undefined for an empty queue. */
export const waitingSinceMs = ({ samples }: Followed): number | undefined => samples[0]?.atMs

/** Whether the queue has not become shorter for this long. False if it was not watched for this long. */
export function isNoShorter({ samples }: Followed, forMs: number): boolean {
  const last = samples.at(-1)
  const then = last && samples.findLast(({ atMs }) => atMs <= last.atMs - forMs)
  return then !== undefined && last !== undefined && last.depth >= then.depth
}
