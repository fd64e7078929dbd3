// Handles what is kept when it is due: within a second of its time, by whichever copy claims it first.
import { setTimeout as delay } from 'node:timers/promises'
import { asError, errorCode } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database } from '../storage/index.ts'
import type { Kept } from './kept.ts'
import { claimDue, giveBack, queuesDue, release } from './retries.ts'

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
/** Until then fewer rows than half of what there may be are not claimed: a claim is a commit of its own. */
const CLAIM_FEW_AFTER_MS = 50
/** Longer than any attempt takes, its call outside and its commit included: one that nobody tells of was cut off. */
const ATTEMPT_MAX_MS = 60_000

/** `known`: the dataschemas that the consumers can read. */
export function handleDue(kernel: Kernel, consumers: readonly Retrying[], known: string[], lookEveryMs: number) {
  const { database, outage, log, now } = kernel
  const underWay = new Map<string, Set<Promise<void>>>(consumers.map(({ queue }) => [queue, new Set()]))
  /** Claims of which nobody knows whether they were committed, by their ends. */
  const unknown = new Map<string, Set<string>>(consumers.map(({ queue }) => [queue, new Set()]))
  let count = 0
  let closed = false

  async function look(): Promise<void> {
    if (outage.fault() !== undefined) return
    await Promise.all(consumers.map(giveUnknownBack))
    if (count++ % RELEASE_EVERY_LOOKS === 0 && known.length > 0) await release(database, known, now().toISOString())
    const due = new Set(await queuesDue(database, now().toISOString()))
    await Promise.all(consumers.filter(({ queue }) => due.has(queue)).map(claim))
  }

  /** As many as there is room for, again and again until nothing more is due. */
  async function claim(consumer: Retrying): Promise<void> {
    const { queue, rowsMax } = consumer
    const mine = underWay.get(queue) ?? new Set()
    for (let isMore = true; isMore && !closed; ) {
      await untilRoom(mine, rowsMax)
      const at = now()
      const until = new Date(at.getTime() + ATTEMPT_MAX_MS).toISOString()
      const claimed = await database
        .transaction((tx) =>
          claimDue(tx, {
            queue,
            now: at.toISOString(),
            until,
            held: consumer.held(),
            limit: rowsMax - mine.size,
            skipLocked: database.dialect === 'postgres',
          }),
        )
        .catch((error: unknown) => {
          if (errorCode(asError(error)) === 'commit_unknown') unknown.get(queue)?.add(until)
          throw error
        })
      for (const kept of claimed) {
        const settled = consumer.again(kept).finally(() => mine.delete(settled))
        mine.add(settled)
      }
      isMore = claimed.length > 0
    }
  }

  /** Again and again until they have ended by themselves: a server may be committing for a while after its client is gone. */
  async function giveUnknownBack({ queue }: Retrying): Promise<void> {
    const ends = unknown.get(queue)
    if (!ends || ends.size === 0) return
    const at = now().toISOString()
    await giveBack(database, { queue, ends: [...ends], now: at })
    for (const end of ends) if (end <= at) ends.delete(end)
  }

  const looks = lookEvery(lookEveryMs, look, (err) => log.warn({ err }, 'cannot look for retries that are due'))
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

/** For half of them at once, or for any once somebody keeps the others waiting. */
async function untilRoom(underWay: ReadonlySet<Promise<void>>, rowsMax: number): Promise<void> {
  if (underWay.size <= rowsMax / 2) return
  let isLate = false
  const late = delay(CLAIM_FEW_AFTER_MS, undefined, { ref: false }).then(() => {
    isLate = true
  })
  while (underWay.size > (isLate ? rowsMax - 1 : rowsMax / 2))
    await Promise.race(isLate ? underWay : [...underWay, late])
}
