// Claims a call to a provider in the database before it is made. If two copies of the service hold the same message at
// once, one of them sends it. The same row records a call of unknown outcome, also after its process was killed.
//
// A claim ends with the outcome of its call, in one transaction, or by time. Wall clocks of different hosts are not
// compared: a copy measures from the moment at which it first found the claim. After longer than any call takes, it
// regards the claim as dead.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Channel } from '@orders/shared/contracts'
import { about, type Draft, type GroupCommit, owned, type Work } from '@orders/shared/messaging'
import { isOutage, PermanentError, TransientError } from '@orders/shared/runtime'
import {
  type Attempt,
  type Call,
  dueSince,
  failed,
  type Outgoing,
  standingOf,
  type Telling,
  withStanding,
} from '../deliveries/domain.ts'
import { isTaken } from '../deliveries/status.ts'
import { tellings } from '../store.ts'
import { type Course, isLate, supersededBy, waitsForEarlier, withClaim } from '../timelines/domain.ts'
import { timelines } from '../timelines/store.ts'
import { MAIL_TIMEOUT_MS } from './email.ts'
import { type PerSecond, turnOf } from './pace.ts'
import { paces } from './store.ts'

export type OpenCall = Omit<Call, 'claimedBy'>

export interface Calls {
  /**
   * Claims the call, so that it may be made. Resolves with the claim. `fail`, or the decision that stores the success,
   * ends it. `after` is the open call that the caller found and on which its choice of provider depends.
   *
   * @throws TransientError `sending_elsewhere` if another copy makes the call, has made it, or has changed what was
   * found; `paced` if its turn comes later; `earlier_news_first` while news that precedes it is to be sent first. None
   * of them costs the message an attempt.
   * @throws SupersededError if later news made it obsolete.
   */
  begin(outgoing: Outgoing, call: OpenCall, after?: { found: OpenCall | undefined }): Promise<string>
  /**
   * Stores the failed attempt and ends the claim, in one commit. `open` is the call that the provider may have accepted
   * all the same.
   */
  fail(claim: string, attempt: Attempt, open: OpenCall | undefined): Promise<void>
}

/** No call takes longer than its time limit. The rest is for the commits before and after it. */
export const CLAIM_MS = MAIL_TIMEOUT_MS + 5_000
/** How soon to try again, at most: the claim may be that of a dead copy. */
const LOOK_AGAIN_MS = 5_000
/**
 * How often, and how many times, preceding news is looked for while the message is held in memory. Then the message
 * waits as a row.
 */
const LOOK_MS = 50
const LOOKS_MAX = 10
/** How long preceding news is awaited. A call under way always ends. News that waits or is missing may be lost. */
const AWAITED_MS = { 'under way': Number.POSITIVE_INFINITY, 'to be said': 600_000, unheard: 60_000 }
const NO_COURSE: Course = { kindOf: (eventType) => eventType, kinds: {} }
/** A turn this near is awaited in memory. That also keeps the consumer from taking more than the rate allows. */
const TURN_AWAITED_MS = 2_000

interface Options {
  /** A monotonic clock. */
  clockMs?: () => number
  now?: () => Date
  /** Messages per second of each channel. A channel that is missing has no limit. */
  perSecond?: PerSecond
  /** Decides in which order news about a subject is sent. If missing, no news waits for other news. */
  course?: Course
}

export function callsIn(commit: Pick<GroupCommit, 'submit'>, options: Options = {}): Calls {
  const { clockMs = () => performance.now(), now = () => new Date(), perSecond = {}, course = NO_COURSE } = options
  const claims = createSightings(clockMs)

  function claimed(telling: Telling, channel: Channel, call: Call, after?: { found: OpenCall | undefined }): Telling {
    const { status, call: found } = standingOf(telling, channel)
    // After a commit of unknown outcome the decision runs again and may find its own claim.
    if (found && found.claimedBy === call.claimedBy) return telling
    if (isTaken(status)) throw sendingElsewhere(0)
    const leftMs = found?.claimedBy ? claims.leftMs(found.claimedBy) : 0
    if (leftMs > 0) throw sendingElsewhere(Math.min(leftMs, LOOK_AGAIN_MS))
    const isAsFound = after?.found?.provider === found?.provider && after?.found?.at === found?.at
    if (after && !isAsFound) throw sendingElsewhere(0)
    return withStanding(telling, channel, { call })
  }

  /** Milliseconds until its turn, which is reserved meanwhile; 0 if it may go now. */
  function untilTurn(draft: Draft, telling: Telling, channel: Channel): number {
    const rate = perSecond[channel]
    if (rate === undefined) return 0
    const nowMs = now().getTime()
    const { atMs, nextMs } = turnOf(standingOf(telling, channel).turnMs, draft.get(paces, channel), nowMs, rate)
    draft.set(paces, channel, nextMs)
    if (atMs > nowMs) draft.set(tellings, telling.notification.id, withStanding(telling, channel, { turnMs: atMs }))
    return Math.max(0, atMs - nowMs)
  }

  /**
   * Whether news that precedes it is still to be sent. False after a time limit, since such news may be lost.
   *
   * @throws SupersededError
   */
  function waitsForEarlierNews(draft: Draft, telling: Telling, outgoing: Outgoing): boolean {
    const { channel, eventType, createdAt, about = [], notificationId: id } = outgoing
    const timelineOf = (orderId: string | null) => (orderId === null ? [] : (draft.get(timelines, orderId) ?? []))
    const inDigest = { channel, isLate: false, digestId: id }
    const isNeedless = (one: (typeof about)[number]) =>
      supersededBy(course, timelineOf(one.orderId), one.eventType, inDigest) !== undefined
    // The retry builds the digest again, without the obsolete message.
    if (about.some(isNeedless)) throw sendingElsewhere(0)
    const at = now().toISOString()
    const standing = standingOf(telling, channel)
    const asking = { channel, isLate: isLate(standing, createdAt, at), isAgain: standing.generation > 1 }
    const by = supersededBy(course, timelineOf(outgoing.orderId), eventType, asking)
    if (by !== undefined) throw new SupersededError(by)
    const isUnderWay = (claim: string) => claims.leftMs(claim) > 0
    const waited = Date.parse(at) - Date.parse(dueSince(outgoing))
    const waitsFor = (one: Pick<(typeof about)[number], 'orderId' | 'eventType'>, digestId?: string) => {
      const asks = { channel, now: at, isUnderWay, digestId }
      const wait = waitsForEarlier(course, timelineOf(one.orderId), one.eventType, asks)
      return wait !== undefined && waited < AWAITED_MS[wait]
    }
    return waitsFor(outgoing) || about.some((one) => waitsFor(one, id))
  }

  /**
   * Results in 0 once the call is claimed, else in the milliseconds until its turn, or in 'after another' while
   * preceding news is to be sent.
   */
  function claiming(
    outgoing: Outgoing,
    call: Call & { claimedBy: string },
    after?: { found: OpenCall | undefined },
  ): Work<number | 'after another'> {
    const { notificationId: id, channel, orderId, about = [] } = outgoing
    const subjects = [orderId, ...about.map((one) => one.orderId)].flatMap((one) => one ?? [])
    const read = [
      owned(tellings, id),
      ...subjects.map((subject) => owned(timelines, subject)),
      ...(perSecond[channel] === undefined ? [] : [owned(paces, channel)]),
    ]
    return {
      reads: () => read,
      decide(draft) {
        const telling = draft.get(tellings, id)
        if (!telling) throw noSuchNotification(id)
        const state = claimed(telling, channel, call, after)
        if (state === telling) return { result: 0, messages: [] }
        if (waitsForEarlierNews(draft, telling, outgoing)) return { result: 'after another', messages: [] }
        const waitMs = untilTurn(draft, telling, channel)
        if (waitMs > 0) return { result: waitMs, messages: [] }
        draft.set(tellings, id, withStanding(state, channel, { turnMs: null }))
        if (orderId !== null)
          draft.set(timelines, orderId, withClaim(draft.get(timelines, orderId) ?? [], id, channel, call.claimedBy))
        return { result: 0, messages: [] }
      },
    }
  }

  /**
   * After an outage, a claim may be stored that this copy does not use, or may not have been ended. So it is marked as
   * dead here.
   */
  const ending = (claim: string) => (error: unknown) => {
    if (isOutage(error)) claims.end(claim)
    throw error
  }

  return {
    async begin(outgoing, call, after) {
      for (let looks = 0; ; looks++) {
        const claim = randomUUID()
        const wait = await commit.submit(claiming(outgoing, { ...call, claimedBy: claim }, after)).catch(ending(claim))
        if (wait === 0) return claim
        if (wait === 'after another' ? looks === LOOKS_MAX : wait > TURN_AWAITED_MS)
          throw wait === 'after another' ? afterAnother() : paced(wait)
        await delay(wait === 'after another' ? LOOK_MS : wait)
      }
    },
    fail: (claim, attempt, open) =>
      commit
        .submit(
          about(tellings, attempt.notificationId, (telling) => {
            if (!telling) throw noSuchNotification(attempt.notificationId)
            return { state: failed(telling, attempt, claim, open), messages: [], result: undefined }
          }),
        )
        .catch(ending(claim)),
  }
}

export function noSuchNotification(id: string): PermanentError {
  return new PermanentError('no_such_notification', `no notification ${id}`)
}

/** Cannot go on for ever: a claim ends with its call, or by time. */
function sendingElsewhere(waitMs: number): TransientError {
  return new TransientError('sending_elsewhere', 'another copy is sending this, or has sent it', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** Cannot go on for ever: preceding news is sent, or given up, or the wait reaches its limit. */
function afterAnother(): TransientError {
  return new TransientError('earlier_news_first', 'an earlier notification must be sent first', {
    retryAfterSeconds: 1,
    isUntried: true,
  })
}

/** Must not be sent any more, since the notification `by` was taken in or sent. */
export class SupersededError extends TransientError {
  override name = 'SupersededError'
  readonly by: string
  constructor(by: string) {
    super('superseded', `${by} has made it needless`, { isUntried: true })
    this.by = by
  }
}

/** Cannot go on for ever: each message has a turn of its own. */
function paced(waitMs: number): TransientError {
  return new TransientError('paced', 'the limit of messages a second is reached; its turn comes later', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** By then every message that waited for the claim has found it dead. */
const FORGOTTEN_AFTER_MS = 600_000

/** When this copy first found each claim that was in its way. */
function createSightings(clockMs: () => number) {
  const firstFound = new Map<string, number>()

  function note(claim: string, sinceMs: number, nowMs: number): void {
    firstFound.set(claim, sinceMs)
    for (const [old, foundMs] of firstFound) {
      if (nowMs - foundMs < FORGOTTEN_AFTER_MS) break
      firstFound.delete(old)
    }
  }

  return {
    /** Marks a claim as dead: no call is under way under it. */
    end(claim: string): void {
      const nowMs = clockMs()
      note(claim, nowMs - CLAIM_MS, nowMs)
    },
    leftMs(claim: string): number {
      const nowMs = clockMs()
      const sinceMs = firstFound.get(claim) ?? nowMs
      note(claim, sinceMs, nowMs)
      return CLAIM_MS - (nowMs - sinceMs)
    },
  }
}
