// Limits how many messages a channel sends per second, over all copies of the service together. Each message has a
// turn. The database stores the next free turn. A message that cannot go at once reserves one.
import type { Channel } from '@orders/shared/contracts'

export type PerSecond = Partial<Record<Channel, number | undefined>>

export interface Turn {
  atMs: number
  /** The first turn that is not reserved. */
  nextMs: number
}

/** `bookedMs` is the turn that this message has reserved, if any; `nextMs` is the first free turn. */
export function turnOf(bookedMs: number | null, nextMs: number | undefined, nowMs: number, perSecond: number): Turn {
  if (bookedMs !== null) return { atMs: bookedMs, nextMs: nextMs ?? nowMs }
  const atMs = Math.max(nowMs, nextMs ?? nowMs)
  return { atMs, nextMs: atMs + 1_000 / perSecond }
}
