// A call to a provider is claimed in the database before it is made: of two copies of the service that hold the same message
// at once, one sends it. The same row tells of a call of which nobody knows what came, also when its process was killed.
//
// A claim ends with what came of the call, in one transaction, or by time. Nobody's wall clock is asked for that: whoever
// finds a claim takes it for dead once it has stood for longer than any call takes, since it was first found here.
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Channel } from '@orders/shared/contracts'
import { about, type Draft, type GroupCommit, owned, type Work } from '@orders/shared/messaging'
import { PermanentError, TransientError } from '@orders/shared/runtime'
import {
  type Attempt,
  type Call,
  failed,
  type Outgoing,
  standingOf,
  type Telling,
  withStanding,
} from '../deliveries/domain.ts'
import { isTaken } from '../deliveries/status.ts'
import { tellings } from '../store.ts'
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
   * or has changed what was found; `paced`, which costs none either, when its turn comes later.
   */
  begin(outgoing: Outgoing, call: OpenCall, after?: { found: OpenCall | undefined }): Promise<string>
  /** Keeps the failed attempt and ends the claim, in one commit; `open` is the call that may have been taken all the same. */
  fail(claim: string, attempt: Attempt, open: OpenCall | undefined): Promise<void>
}

/** No call takes longer than its time limit; the rest is for the commits around it. */
export const CLAIM_MS = MAIL_TIMEOUT_MS + 5_000
/** Whoever died leaves its claim for a while, so it is looked for again and again. */
const LOOK_AGAIN_MS = 5_000
/** A turn that is so near is waited for here, which also keeps the consumer from taking more than can go. */
const TURN_AWAITED_MS = 2_000

interface Options {
  /** A monotonic clock. */
  clockMs?: () => number
  now?: () => Date
  /** How many messages of a channel go in a second; what is not named goes as it comes. */
  perSecond?: PerSecond
}

export function callsIn(commit: Pick<GroupCommit, 'submit'>, options: Options = {}): Calls {
  const { clockMs = () => performance.now(), now = () => new Date(), perSecond = {} } = options
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

  /** Gives how long it is until its turn. */
  function claiming(id: string, channel: Channel, call: Call, after?: { found: OpenCall | undefined }): Work<number> {
    return {
      reads: () => [owned(tellings, id), ...(perSecond[channel] === undefined ? [] : [owned(paces, channel)])],
      decide(draft) {
        const telling = draft.get(tellings, id)
        if (!telling) throw noSuchNotification(id)
        const state = claimed(telling, channel, call, after)
        const waitMs = state === telling ? 0 : untilTurn(draft, telling, channel)
        if (state !== telling && waitMs === 0) draft.set(tellings, id, withStanding(state, channel, { turnMs: null }))
        return { result: waitMs, messages: [] }
      },
    }
  }

  return {
    async begin({ notificationId, channel }, call, after) {
      for (;;) {
        const claim = randomUUID()
        const waitMs = await commit.submit(claiming(notificationId, channel, { ...call, claimedBy: claim }, after))
        if (waitMs === 0) return claim
        if (waitMs > TURN_AWAITED_MS) throw paced(waitMs)
        await delay(waitMs)
      }
    },
    fail: (claim, attempt, open) =>
      commit.submit(
        about(tellings, attempt.notificationId, (telling) => {
          if (!telling) throw noSuchNotification(attempt.notificationId)
          return { state: failed(telling, attempt, claim, open), messages: [], result: undefined }
        }),
      ),
  }
}

export function noSuchNotification(id: string): PermanentError {
  return new PermanentError('no_such_notification', `no notification ${id}`)
}

/** It ends: a claim is over with its call, or by time. */
function sendingElsewhere(waitMs: number): TransientError {
  return new TransientError('sending_elsewhere', 'somebody else is sending this, or has sent it', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** It ends: each message has a turn of its own. */
function paced(waitMs: number): TransientError {
  return new TransientError('paced', 'as many as may go in a second are on their way, and its turn comes later', {
    retryAfterSeconds: waitMs / 1_000,
    isUntried: true,
  })
}

/** Long after its time whoever waited for the end of a claim has found it over. */
const FORGOTTEN_AFTER_MS = 600_000

/** For how long each claim that stood in somebody's way has been known here; not those that nobody found. */
function createSightings(clockMs: () => number): { leftMs(claim: string): number } {
  const firstFound = new Map<string, number>()
  return {
    leftMs(claim) {
      const nowMs = clockMs()
      const sinceMs = firstFound.get(claim) ?? nowMs
      firstFound.set(claim, sinceMs)
      for (const [old, foundMs] of firstFound) {
        if (nowMs - foundMs < FORGOTTEN_AFTER_MS) break
        firstFound.delete(old)
      }
      return CLAIM_MS - (nowMs - sinceMs)
    },
  }
}
