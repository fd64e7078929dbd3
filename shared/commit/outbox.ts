// The outbox: messages recorded in the transaction that decided them, published right after it, forgotten once confirmed.
//
// Promise: what is committed is published at least once, whatever crashes when; what is not committed never is.
// The way of a row: recorded (in the group's transaction) → under way (from memory) → confirmed → deleted (inside a
// later group, so that forgetting costs no transaction of its own). What memory does not hold is read from the table.
// A row belongs to the copy of the service that recorded it for as long as that one lives, however long the broker is away;
// what a dead copy left behind is claimed by a living one.
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
  /** `service` and `epoch`: each message then carries how far the database had come; without, none does. */
  origin?: { service: string; epoch: string }
  /** Most messages under way from memory; beyond it they wait in the table. */
  underWayMax?: number
}

export interface Outbox {
  /** Inside the transaction that decides them. */
  record(tx: Sql, publications: Publication[]): Promise<Recorded[]>
  /** After the commit. */
  send(recorded: Recorded[]): void
  /** The rows that are confirmed and not forgotten yet, for one transaction to delete: nobody else is given them meanwhile. */
  takeConfirmed(): Confirmed
  /** Claims and publishes every row that memory does not hold, whoever recorded it: at a start. */
  sweep(): Promise<void>
  /** The table may hold rows that memory does not know of: an interrupted commit may have succeeded, or may yet. */
  lookAgain(): void
  /** Messages under way or confirmed but not yet forgotten. */
  pending(): { underWay: number; confirmed: number }
  /** There is a new session with the broker, which may take what the one before refused. */
  tryRefused(): void
  /** The routes that the broker refuses, and how many messages wait for each. */
  refused(): { route: string; waiting: number }[]
  close(): Promise<void>
}

export interface Confirmed {
  forget(tx: Sql): Promise<void>
  /** How the transaction ended; what is not forgotten is for the next one. */
  ended(isCommitted: boolean): void
}

const UNDER_WAY_MAX = 10_000
/** Rows of a living copy are confirmed long before this, or it says that it lives; others were left behind by a dead one. */
const LEFT_BEHIND_AFTER_MS = 60_000
const LOOK_EVERY_MS = 10_000
/** For longer than a server works on a commit whose client is gone. */
const LOOK_AGAIN_FOR_MS = 60_000
const COPY_FORGOTTEN_AFTER_MS = 86_400_000
const NEVER = '9999'

export function createOutbox(options: Options): Outbox {
  const { database, broker, log, now, origin, underWayMax = UNDER_WAY_MAX } = options
  const self = randomUUID()
  const underWay = new Set<number>()
  const refused = createRefused({ read: (sequences) => rowsOf(database, self, sequences), publish })
  let confirmed: number[] = []
  /** Confirmed, and being deleted by a transaction. */
  const forgetting = new Set<number>()
  let leftInTable = false
  let lookUntilMs = Number.NEGATIVE_INFINITY
  let sweeping: Promise<void> | undefined
  let closed = false
  /** SQLite has one writer at a time, so no row is ever locked by another. */
  const skipLocked = database.dialect === 'postgres'

  function send(row: Recorded): void {
    // Read from the table in the moment between its commit and the news of it.
    if (!underWay.has(row.sequence)) void publish(row)
  }

  /** False when the broker refuses it: each is offered to its queues once, and then no more often than its route is tried. */
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
      // The row stays. A closed broker is no news: it goes out at the next start.
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

  /** What did not fit into memory follows when half of it is confirmed. */
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

  /**
   * Makes those rows of other copies ours whose claim is not from between these instants, and publishes them; but not those
   * of copies that have been seen since.
   */
  async function takeOver(from: string, until: string, seenAfter: string): Promise<void> {
    const claimBatch = (tx: Sql) => claimRows(tx, { self, at: now().toISOString(), from, until, seenAfter, skipLocked })
    for (let claimed = SWEEP_BATCH; claimed === SWEEP_BATCH && !closed; ) {
      claimed = await database.transaction(claimBatch)
      if (claimed > 0) leftInTable = true
    }
    if (leftInTable) await readOwn()
  }

  /** Publishes our rows that memory does not hold, as far as there is room. */
  async function readOwn(): Promise<void> {
    leftInTable = false
    for (let after = 0; !closed; ) {
      // While it is read, what was under way may be confirmed and its row deleted, and the answer hold it all the same.
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
   * One look into the table at a time; who asks during one gets its result. After one that failed the next waits for a confirm,
   * a message or the clock: at once, a table that cannot be read would be read again and again.
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

  /**
   * What is claimed from now on belongs to a copy that starts at this moment too; a claim from the future is none, since a
   * clock that was set back must not hide rows.
   */
  const sweep = () =>
    alone(() => {
      const startMs = now().getTime()
      leftInTable = true
      return takeOver(instant(startMs), instant(startMs + LEFT_BEHIND_AFTER_MS), NEVER)
    })

  /** Rows that wait because the broker is away stay ours: the table says that we live, as long as we have any. */
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

/** From the first try until the broker has confirmed it. */
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
