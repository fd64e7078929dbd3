// How many messages a second go out by a channel, over all copies of the service together: each has its turn, the next one is
// kept in the database, and what does not go at once books its own.
import type { Channel } from '@orders/shared/contracts'
import type { Change, State } from '@orders/shared/messaging'
import { insert, type Reader, type Sql } from '@orders/shared/storage'

export type PerSecond = Partial<Record<Channel, number | undefined>>

/** By the channel: when the next turn is that nobody has, in milliseconds since 1970. */
export const paces: State<number> = { name: 'paces', load, save }

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

async function load(sql: Reader, channels: string[]): Promise<Map<string, number>> {
  const rows = await sql.all<{ channel: string; nextMs: number }>(
    'select channel, next_ms as "nextMs" from paces where channel in each(?)',
    channels,
  )
  return new Map(rows.map(({ channel, nextMs }) => [channel, nextMs]))
}

async function save(tx: Sql, changes: Change<number>[]): Promise<void> {
  await insert(
    tx,
    'paces (channel, next_ms)',
    changes.map(({ key, after }) => [key, after]),
    'on conflict (channel) do update set next_ms = excluded.next_ms',
  )
}
