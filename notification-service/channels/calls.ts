// A call to a provider is claimed in the database before it is made: of two copies of the service that hold the same message
// at once, one sends it. The same row tells of a call of which nobody knows what came, also when its process was killed.
//
// A claim ends with what came of the call, in one transaction, or by time. Nobody's wall clock is asked for that: whoever
// finds a claim takes it for dead once it has stood for longer than any call takes, since it was first found here.
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
   * Claims the call, so that it may be made; resolves with the claim, which `fail` ends, or the decision that keeps the
   * success. `after` is what was found before, where that has decided who is called.
   *
   * @throws TransientError `sending_elsewhere`, which costs the message no attempt, when somebody else makes it, has made it,
   * or has changed what was found; `paced`, which costs none either, when its turn comes later; `earlier_news_first`, likewise, while
   * what comes before it is on its way; SupersededError when it is not to be said any more.
   */
  begin(outgoing: Outgoing, call: OpenCall, after?: { found: OpenCall | undefined }): Promise<string>
  /** Keeps the failed attempt and ends the claim, in one commit; `open` is the call that may have been taken all the same. */
  fail(claim: string, attempt: Attempt, open: OpenCall | undefined): Promise<void>
}

/** No call takes longer than its time limit; the rest is for the commits around it. */
export const CLAIM_MS = MAIL_TIMEOUT_MS + 5_000
/** Whoever died leaves its claim for a while, so it is looked for again and again. */
const LOOK_AGAIN_MS = 5_000
/** What comes before it is looked for so often while its message is held here; afterwards it waits as a row. */
const LOOK_MS = 50
const LOOKS_MAX = 10
/** What is under way ends by itself; what was lost on its way does not. */
const AWAITED_MS = { 'under way': Number.POSITIVE_INFINITY, 'to be said': 600_000, unheard: 60_000 }
const NO_COURSE: Course = { kindOf: (eventType) => eventType, kinds: {} }
/** A turn that is so near is waited for here, which also keeps the consumer from taking more than can go. */
const TURN_AWAITED_MS = 2_000

interface Options {
  /** A monotonic clock. */
  clockMs?: () => number
  now?: () => Date
  /** How many messages of a channel go in a second; what is not named goes as it comes. */
  perSecond?: PerSecond
  /** What is said about one subject goes out in its order; what is not said here follows none. */
  course?: Course
}

export function callsIn(commit: Pick<GroupCommit, 'submit'>, options: Options = {}): Calls {
  const { clockMs = () => performance.now(), now = () => new Date(), perSecond = {}, course = NO_COURSE } = options
  const claims = createSightings(clockMs)

  function claimed(telling: Telling, channel: Channel, call: Call, after?: { found: OpenCall | undefined }): Telling {
    const { status, call: found } = standingOf(telling, channel)
    // After a commit of unknown outcome this runs again, and finds its own claim.
    if (found && found.claimedBy === call.claimedBy) return telling
    if (isTaken(status)) throw sendingElsewhere(0)
    const leftMs = found?.claimedBy ? claims.leftMs(found.claimedBy) : 0
    if (leftMs > 0) throw sendingElsewhere(Math.min(leftMs, LOOK_AGAIN_MS))
    const isAsFound = after?.found?.provider === found?.provider && after?.found?.at === found?.at
    if (after && !isAsFound) throw sendingElsewhere(0)
    return withStanding(telling, channel, { call })
  }

  /** How long it is until its turn, which is booked then; 0 when it goes now. */
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
   * Whether what comes before it is still to be said; not for ever, since what was lost on its way would never be.
   *
   * @throws SupersededError
   */
  function waitsForEarlierNews(draft: Draft, telling: Telling, outgoing: Outgoing): boolean {
    const { channel, eventType, createdAt, about = [], notificationId: id } = outgoing
    const timelineOf = (orderId: string | null) => (orderId === null ? [] : (draft.get(timelines, orderId) ?? []))
    const inDigest = { channel, isLate: false, digestId: id }
    const isNeedless = (one: (typeof about)[number]) =>
      supersededBy(course, timelineOf(one.orderId), one.eventType, inDigest) !== undefined
    // It is put together anew.
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

  /** Gives how long it is until its turn, or that it is not, since something comes before it. */
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

  /** A claim may stand whose commit failed by an outage, or that could not be ended: nobody makes that call. */
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

/** It ends: a claim is over with its call, or by time. */
function sendingElsewhere(waitMs: number): TransientError {
  return new TransientError('sending_elsewhere', 'another copy is sending this, or has sent it', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** It ends: what comes before is said, or given up, or not waited for any longer. */
function afterAnother(): TransientError {
  return new TransientError('earlier_news_first', 'an earlier notification must be sent first', {
    retryAfterSeconds: 1,
    isUntried: true,
  })
}

/** Not to be said any more, since `by` was heard, or said. */
export class SupersededError extends TransientError {
  override name = 'SupersededError'
  readonly by: string
  constructor(by: string) {
    super('superseded', `${by} has made it needless`, { isUntried: true })
    this.by = by
  }
}

/** It ends: each message has a turn of its own. */
function paced(waitMs: number): TransientError {
  return new TransientError('paced', 'the limit of messages a second is reached; its turn comes later', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** Long after its time whoever waited for the end of a claim has found it over. */
const FORGOTTEN_AFTER_MS = 600_000

/** For how long each claim that stood in somebody's way has been known here; not those that nobody found. */
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
    /** Nobody's call is under way by it. */
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
