// Handles what is kept when it is due: within a second of its time, by whichever copy claims it first.
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database } from '../storage/index.ts'
import type { Kept } from './kept.ts'
import { claimDue, queuesDue, releaseKnown } from './retries.ts'

export type DueRetries = ReturnType<typeof handleDue>

/** Makes the attempts at what is kept for its queue. */
export interface Retrying {
  readonly queue: string
  /** Rows that are handled at one time. */
  readonly rowsMax: number
  /** Types that are not to be tried now, since their outside system does not serve. */
  held(): string[]
  /** One attempt at what was kept; when it cannot even fail, its row is due again by itself. */
  again(kept: Kept): Promise<void>
}

interface Kernel {
  database: Database
  /** While it has a fault, nothing is taken. */
  outage: { fault(): string | undefined }
  log: Log
  now: () => Date
}

/** Copies of an older version may keep what this one knows at any time. */
const RELEASE_EVERY_LOOKS = 20
/** Longer than any attempt takes, its call outside and its commit included: one that nobody tells of was cut off. */
const ATTEMPT_MAX_MS = 60_000

/** `known`: the dataschemas that the consumers can read. */
export function handleDue(kernel: Kernel, consumers: readonly Retrying[], known: string[], lookEveryMs: number) {
  const { database, outage, log, now } = kernel
  const underWay = new Map<string, Set<Promise<void>>>(consumers.map(({ queue }) => [queue, new Set()]))
  let count = 0
  let closed = false

  async function look(): Promise<void> {
    if (outage.fault() !== undefined) return
    if (count++ % RELEASE_EVERY_LOOKS === 0 && known.length > 0)
      await releaseKnown(database, known, now().toISOString())
    const due = new Set(await queuesDue(database, now().toISOString()))
    await Promise.all(consumers.filter(({ queue }) => due.has(queue)).map(claim))
  }

  /** As many as there is room for, again and again until nothing more is due. */
  async function claim(consumer: Retrying): Promise<void> {
    const { queue, rowsMax } = consumer
    const mine = underWay.get(queue) ?? new Set()
    for (let isMore = true; isMore && !closed; ) {
      if (mine.size >= rowsMax) await Promise.race(mine)
      const at = now()
      const claimed = await database.transaction((tx) =>
        claimDue(tx, {
          queue,
          now: at.toISOString(),
          until: new Date(at.getTime() + ATTEMPT_MAX_MS).toISOString(),
          held: consumer.held(),
          limit: rowsMax - mine.size,
          skipLocked: database.dialect === 'postgres',
        }),
      )
      for (const kept of claimed) {
        const settled = consumer.again(kept).finally(() => mine.delete(settled))
        mine.add(settled)
      }
      isMore = claimed.length > 0
    }
  }

  const looks = lookEvery(lookEveryMs, look, (err) => log.warn({ err }, 'cannot look for what is due'))
  return {
    /** Looks at once: something has just become due. */
    wake: () => void setImmediate(looks.now),
    /** Claims nothing more, and resolves when what was claimed is settled. */
    async close(): Promise<void> {
      closed = true
      await looks.close()
      await Promise.all([...underWay.values()].flatMap((some) => [...some]))
    },
  }
}
