// How many messages a second go out by a channel, over all copies of the service together: each has its turn, the next one is
// kept in the database, and what does not go at once books its own.
import type { Channel } from '@orders/shared/contracts'

export type PerSecond = Partial<Record<Channel, number | undefined>>

export interface Turn {
  atMs: number
  /** The first turn after all that are booked. */
  nextMs: number
}

/** `bookedMs` is the turn that this message has already, and `nextMs` the first that nobody has. */
export function turnOf(bookedMs: number | null, nextMs: number | undefined, nowMs: number, perSecond: number): Turn {
  if (bookedMs !== null) return { atMs: bookedMs, nextMs: nextMs ?? nowMs }
  const atMs = Math.max(nowMs, nextMs ?? nowMs)
  return { atMs, nextMs: atMs + 1_000 / perSecond }
}
