// Collects the next archive: whole blocks of one past month, as many as a file takes.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Reader } from '@orders/shared/storage'
import { HASH_BYTES } from '../block.ts'
import type { Entry } from '../domain.ts'
import { archivedTo } from '../reading/archives/store.ts'
import { opened } from '../reading/opened.ts'
import { blocksAfter } from '../reading/store.ts'
import { limitOf } from './store.ts'

export interface Gathered {
  first: number
  last: number
  /** Such as `2025-01`. */
  month: string
  entries: readonly Entry[]
}

export interface Terms {
  /** Only entries received before this instant, the first of a month. */
  before: string
  entriesMax: number
  lengthMax: number
}

/** The first instant of the month of that many days ago. Entries before it are in an older month. */
export function monthBefore(now: Date, days: number): string {
  const then = new Date(now.getTime() - days * 86_400_000)
  return new Date(Date.UTC(then.getUTCFullYear(), then.getUTCMonth(), 1)).toISOString()
}

/**
 * The next entries that are old enough, if there are any. `heldBy` is the open order that prevents it.
 *
 * @throws Error if the log cannot be read: a broken log is not archived
 */
export async function gather(
  sql: Reader,
  { before, entriesMax, lengthMax }: Terms,
): Promise<{ next: Gathered | undefined; heldBy: string | null }> {
  const { last: limit, openOrder } = await limitOf(sql)
  const from = await archivedTo(sql)
  const entries: Entry[] = []
  let [length, heldBy]: [number, string | null] = [0, null]
  const monthOf = (entry: Entry | undefined) => entry?.receivedAt.slice(0, 7) ?? ''
  scan: for (;;) {
    const blocks = await opened(sql, await blocksAfter(sql, from + entries.length))
    if (blocks.length === 0) break
    // SQLite answers without leaving the event loop, and the service must go on storing events.
    await nextTurn()
    for (const { block, entries: ofBlock } of blocks) {
      const all = ofBlock.map(({ entry }) => entry)
      const last = block.first + block.hashes.length / HASH_BYTES - 1
      if (block.first !== from + entries.length + 1 || all.length !== last - block.first + 1)
        throw new Error(`the log cannot be read from entry ${from + entries.length + 1} on`)
      if (all.some(({ receivedAt }) => receivedAt >= before)) break scan
      if (last > limit) {
        heldBy = openOrder
        break scan
      }
      const isOther = entries.length > 0 && monthOf(all[0]) !== monthOf(entries[0])
      if (isOther || entries.length >= entriesMax || length >= lengthMax) break scan
      entries.push(...all)
      length += all.reduce((sum, { body }) => sum + body.length, 0)
    }
  }
  const [first] = entries
  if (!first) return { next: undefined, heldBy }
  const next = { first: first.sequence, last: from + entries.length, month: monthOf(first), entries }
  return { next, heldBy: null }
}
