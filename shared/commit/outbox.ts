// The outbox: messages are recorded in the transaction that decides them, published after it, and deleted once confirmed.
//
// Promise: what is committed is published at least once, whatever crashes. What is not committed is never published. A row is
// recorded in its group's transaction, published from memory, confirmed, and deleted inside a later group, so that deleting
// costs no transaction of its own. Rows that memory does not hold are read from the table. A row belongs to the copy that
// recorded it while that copy lives, however long the broker is away. Another copy claims the rows of a dead one.
import { randomUUID } from 'node:crypto'
import { type Broker, type Publication, routeOf } from '../messaging/broker.ts'
import { aboutMessage, beginStep } from '../messaging/spans.ts'
import { asError, errorCode } from '../runtime/errors.ts'
import { reached } from '../runtime/instants.ts'
import type { Log } from '../runtime/log.ts'
import { lookEvery } from '../runtime/looks.ts'
import type { Database, Sql } from '../storage/index.ts'
import { RECORDED, recordedAs } from './epochs.ts'
import {
  claimRows,
  deleteRows,
  forgetCopies,
  insertRows,
  ownRows,
  type Recorded,
  rowsOf,
  SWEEP_BATCH,
  saveAlive,
} from './outbox-rows.ts'
import { createRefused } from './refused.ts'

export type { Recorded } from './outbox-rows.ts'

interface Options {
  database: Database
  broker: Broker
  log: Log
  now: () => Date
  /** If given, each message carries a header that tells how far the database had come; see epochs.ts. */
  origin?: { service: string; epoch: string }
  /** The most messages that may be published and unconfirmed at a time. Further ones wait in the table. */
  underWayMax?: number
}

export interface Outbox {
  /** Call in the transaction that decides the messages. */
  record(tx: Sql, publications: Publication[]): Promise<Recorded[]>
  /** Call after the commit. */
  send(recorded: Recorded[]): void
  /** Returns confirmed rows for one transaction to delete. No other transaction gets the same rows meanwhile. */
  takeConfirmed(): Confirmed
  /** At start: claims and publishes every row that memory does not hold, whichever copy recorded it. */
  sweep(): Promise<void>
  /** After an interrupted commit, which may have succeeded or may still: the table may hold rows that memory does not know. */
  lookAgain(): void
  /** Messages that are unconfirmed, and messages whose confirmed rows are not deleted. */
  pending(): { underWay: number; confirmed: number }
  /** Call for a new session with the broker, which may accept what the last one refused. */
  tryRefused(): void
  /** The routes that the broker refuses, and how many messages wait for each. */
  refused(): { route: string; waiting: number }[]
  close(): Promise<void>
}

export interface Confirmed {
  forget(tx: Sql): Promise<void>
  /** Call when the transaction has ended. After a rollback the next transaction gets these rows. */
  ended(isCommitted: boolean): void
}

const UNDER_WAY_MAX = 10_000
/**
 * A living copy has its rows confirmed in less than this, or renews its entry in `outbox_copies`. Older rows are of a dead
 * copy.
 */
const LEFT_BEHIND_AFTER_MS = 60_000
const LOOK_EVERY_MS = 10_000
/** Longer than a database server goes on with a commit after its client has gone. */
const LOOK_AGAIN_FOR_MS = 60_000
const COPY_FORGOTTEN_AFTER_MS = 86_400_000
const NEVER = '9999'

export function createOutbox(options: Options): Outbox {
  const { database, broker, log, now, origin, underWayMax = UNDER_WAY_MAX } = options
  const self = randomUUID()
  const underWay = new Set<number>()
  const refused = createRefused({ read: (sequences) => rowsOf(database, self, sequences), publish })
  let confirmed: number[] = []
  /** Confirmed rows that a transaction is deleting. */
  const forgetting = new Set<number>()
  let leftInTable = false
  let lookUntilMs = Number.NEGATIVE_INFINITY
  let sweeping: Promise<void> | undefined
  let closed = false
  /** SQLite has one writer at a time, so no row is ever locked by another. */
  const skipLocked = database.dialect === 'postgres'

  function send(row: Recorded): void {
    // `readOwn` may have read the row between its commit and this call.
    if (!underWay.has(row.sequence)) void publish(row)
  }

  /**
   * Returns false if not confirmed. The broker gets each message once at once; a refused one follows with its route
   * (refused.ts).
   */
  async function publish({ sequence, publication }: Recorded): Promise<boolean> {
    underWay.add(sequence)
    const step = sending(publication)
    try {
      await broker.publish(marked({ sequence, publication }))
      step?.end()
      reached('confirmed')
      confirmed.push(sequence)
      return true
    } catch (thrown) {
      const error = asError(thrown)
      step?.end(error)
      if (errorCode(error) === 'refused') refused.hold(routeOf(publication), sequence)
      // The row stays in the table. If the broker is closed, the next start publishes it, so nothing is logged.
      else if (!closed) log.error({ messageId: publication.properties.messageId, err: error }, 'outbox: cannot publish')
      return false
    } finally {
      underWay.delete(sequence)
      refill()
    }
  }

  function marked({ sequence: last, publication }: Recorded): Publication {
    if (!origin) return publication
    const { properties } = publication
    const recorded = recordedAs(origin.service, { epoch: origin.epoch, last })
    return { ...publication, properties: { ...properties, headers: { ...properties.headers, [RECORDED]: recorded } } }
  }

  /** Reads rows that did not fit into memory, once half of the messages in memory are confirmed. */
  function refill(): void {
    if (!leftInTable || sweeping || closed || underWay.size >= underWayMax / 2) return
    alone(readOwn).catch((error: unknown) => {
      log.warn({ err: asError(error) }, 'outbox: cannot read left-behind rows')
    })
  }

  function takeConfirmed(): Confirmed {
    const taken = confirmed
    confirmed = []
    for (const sequence of taken) forgetting.add(sequence)
    return {
      forget: (tx) => deleteRows(tx, taken),
      ended(isCommitted) {
        for (const sequence of taken) forgetting.delete(sequence)
        if (!isCommitted) confirmed = [...taken, ...confirmed]
      },
    }
  }

  /** Claims and publishes rows of other copies whose claim is outside `from`…`until`. Skips copies seen after `seenAfter`. */
  async function takeOver(from: string, until: string, seenAfter: string): Promise<void> {
    const claimBatch = (tx: Sql) => claimRows(tx, { self, at: now().toISOString(), from, until, seenAfter, skipLocked })
    for (let claimed = SWEEP_BATCH; claimed === SWEEP_BATCH && !closed; ) {
      claimed = await database.transaction(claimBatch)
      if (claimed > 0) leftInTable = true
    }
    if (leftInTable) await readOwn()
  }

  /** Publishes this copy's rows that memory does not hold, as far as there is room. */
  async function readOwn(): Promise<void> {
    leftInTable = false
    for (let after = 0; !closed; ) {
      // The query may still return a row that is confirmed and deleted while it runs. So what was known before it counts too.
      const before = [...underWay, ...confirmed, ...forgetting]
      const rows = await ownRows(database, self, after)
      const known = new Set([...before, ...underWay, ...confirmed, ...forgetting])
      const isFresh = ({ sequence }: Recorded) => !known.has(sequence) && !refused.has(sequence)
      const fresh = rows.filter(isFresh)
      const fitting = fresh.slice(0, Math.max(0, underWayMax - underWay.size))
      for (const row of fitting) {
        send(row)
        reached('relay')
      }
      if (fitting.length > 0) log.info({ messages: fitting.length }, 'outbox: publishing left-behind messages')
      if (fitting.length < fresh.length) {
        leftInTable = true
        return
      }
      const last = rows.at(-1)
      if (!last || rows.length < SWEEP_BATCH) return
      after = last.sequence
    }
  }

  /**
   * Reads the table once at a time; a second caller gets the first one's result. After an error the next read waits for a
   * confirm, a message or the timer. Otherwise an unreadable table would be read in a tight loop.
   */
  function alone(look: () => Promise<void>): Promise<void> {
    sweeping ??= look().then(
      () => {
        sweeping = undefined
        refill()
      },
      (error: unknown) => {
        sweeping = undefined
        leftInTable = true
        throw error
      },
    )
    return sweeping
  }

  /** Leaves claims of the next minute to copies that start now too. Ignores later claims: their clock was set back since. */
  const sweep = () =>
    alone(() => {
      const startMs = now().getTime()
      leftInTable = true
      return takeOver(instant(startMs), instant(startMs + LEFT_BEHIND_AFTER_MS), NEVER)
    })

  /** While rows of this copy wait for the broker, it renews its entry, so that no other copy claims them. */
  async function lookForOrphans(): Promise<void> {
    const nowMs = now().getTime()
    const deadSince = instant(nowMs - LEFT_BEHIND_AFTER_MS)
    if (nowMs < lookUntilMs) leftInTable = true
    if (underWay.size > 0 || refused.count() > 0 || leftInTable)
      await database.transaction(async (tx) => {
        await saveAlive(tx, { self, at: instant(nowMs) })
        await forgetCopies(tx, instant(nowMs - COPY_FORGOTTEN_AFTER_MS))
      })
    await takeOver(deadSince, NEVER, deadSince)
  }

  const failed = (err: Error) => log.warn({ err }, 'outbox: cannot look for left-behind rows')
  const orphans = lookEvery(LOOK_EVERY_MS, () => alone(lookForOrphans), failed)

  return {
    async record(tx, publications) {
      return insertRows(tx, publications, { self, at: now().toISOString() })
    },
    send(recorded) {
      if (underWay.size + recorded.length > underWayMax) leftInTable = true
      if (leftInTable) refill()
      else for (const row of recorded) send(row)
    },
    takeConfirmed,
    sweep,
    lookAgain() {
      leftInTable = true
      lookUntilMs = now().getTime() + LOOK_AGAIN_FOR_MS
    },
    pending: () => ({ underWay: underWay.size, confirmed: confirmed.length }),
    tryRefused: refused.tryNow,
    refused: refused.routes,
    async close() {
      closed = true
      refused.close()
      await orphans.close()
      await sweeping
    },
  }
}

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString()
}

/** The span of one publication, from the first try to its confirm. */
function sending({
  exchange,
  routingKey,
  body,
  properties: { messageId: id, correlationId: subject, headers },
}: Publication) {
  return beginStep(() => ({
    name: `send ${exchange || routingKey}`,
    kind: 'CLIENT',
    attributes: aboutMessage('send', { id, exchange, routingKey, subject, bytes: body.length }),
    from: headers,
  }))
}
