// Handles rows in `retries` when they are due, by default within a second. Whichever copy claims a row first handles it.
import { setTimeout as delay } from 'node:timers/promises'
import { asError, errorCode } from '../runtime/errors.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database } from '../storage/index.ts'
import type { Kept } from './kept.ts'
import { claimDue, giveBack, queuesDue, release } from './retries.ts'

export type DueRetries = ReturnType<typeof handleDue>

/** A consumer that makes the attempts at the rows of its queue. */
export interface Retrying {
  readonly queue: string
  /** Maximum of rows that are handled at a time. */
  readonly rowsMax: number
  /** Types that are not to be tried now, since their outside system is unavailable. */
  held(): string[]
  /** Makes one attempt. If even its failure cannot be stored, the row becomes due again by itself. */
  again(kept: Kept): Promise<void>
}

interface Kernel {
  database: Database
  /** While it reports a fault, no row is claimed. */
  outage: { fault(): string | undefined }
  log: Log
  now: () => Date
}

/** A copy of an older version may at any time store a row that this version can read, so rows are released again and again. */
const RELEASE_EVERY_LOOKS = 20
/** A claim is a commit of its own. Until this time has passed, a claim waits until half of the room is free. */
const CLAIM_FEW_AFTER_MS = 50
/** Longer than any attempt takes, with its outside call and commit. If an attempt has not ended by then, its process died. */
const ATTEMPT_MAX_MS = 60_000

/** `known`: the dataschemas that the consumers can read. */
export function handleDue(kernel: Kernel, consumers: readonly Retrying[], known: string[], lookEveryMs: number) {
  const { database, outage, log, now } = kernel
  const underWay = new Map<string, Set<Promise<void>>>(consumers.map(({ queue }) => [queue, new Set()]))
  /** Claims whose commit has an unknown result, by the instant at which they end. */
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

  /** Claims as many rows as there is room for, until none is due. */
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

  /** Repeats until these claims have ended by themselves, since a server may still be committing after its client is gone. */
  async function giveUnknownBack({ queue }: Retrying): Promise<void> {
    const ends = unknown.get(queue)
    if (!ends || ends.size === 0) return
    const at = now().toISOString()
    await giveBack(database, { queue, ends: [...ends], now: at })
    for (const end of ends) if (end <= at) ends.delete(end)
  }

  const looks = lookEvery(lookEveryMs, look, (err) => log.warn({ err }, 'cannot look for retries that are due'))
  return {
    /** Looks at once, since a row has just become due. */
    wake: () => void setImmediate(looks.now),
    /** Claims nothing more. Resolves when every claimed row is settled. */
    async close(): Promise<void> {
      closed = true
      await looks.close()
      await Promise.all([...underWay.values()].flatMap((some) => [...some]))
    },
  }
}

/** Waits until half of the room is free, or, after a short time, until any is. */
async function untilRoom(underWay: ReadonlySet<Promise<void>>, rowsMax: number): Promise<void> {
  if (underWay.size <= rowsMax / 2) return
  let isLate = false
  const late = delay(CLAIM_FEW_AFTER_MS, undefined, { ref: false }).then(() => {
    isLate = true
  })
  while (underWay.size > (isLate ? rowsMax - 1 : rowsMax / 2))
    await Promise.race(isLate ? underWay : [...underWay, late])
}
