// A call to a provider is claimed in the database before it is made: of two copies of the service that hold the same message
// at once, one sends it. The same row tells of a call of which nobody knows what came, also when its process was killed.
//
// A claim ends with what came of the call, in one transaction, or by time. Nobody's wall clock is asked for that: whoever
// finds a claim takes it for dead once it has stood for longer than any call takes, since it was first seen here.
import { randomUUID } from 'node:crypto'
import type { Channel } from '@orders/shared/contracts'
import { about, type GroupCommit } from '@orders/shared/messaging'
import { PermanentError, TransientError } from '@orders/shared/runtime'
import {
  type Attempt,
  type Call,
  failed,
  isTaken,
  type Outgoing,
  standingOf,
  type Telling,
  withStanding,
} from '../deliveries/domain.ts'
import { tellings } from '../store.ts'
import { MAIL_TIMEOUT_MS } from './email.ts'

export type OpenCall = Omit<Call, 'claimedBy'>

export interface Calls {
  /**
   * Claims the call, so that it may be made; resolves with the claim, which `fail` ends, or the decision that keeps the
   * success. `after` is what was found before, where that has decided who is called.
   *
   * @throws TransientError `sending_elsewhere`, which costs the message no attempt, when somebody else makes it, has made it,
   * or has changed what was found.
   */
  begin(outgoing: Outgoing, call: OpenCall, after?: { found: OpenCall | undefined }): Promise<string>
  /** Keeps the failed attempt and ends the claim, in one commit; `open` is the call that may have been taken all the same. */
  fail(claim: string, attempt: Attempt, open: OpenCall | undefined): Promise<void>
}

/** No call takes longer than its time limit; the rest is for the commits around it. */
export const CLAIM_MS = MAIL_TIMEOUT_MS + 5_000
/** Whoever died leaves its claim for a while, so it is looked for again and again. */
const LOOK_AGAIN_MS = 5_000

export function callsIn(commit: Pick<GroupCommit, 'submit'>, clockMs = () => performance.now()): Calls {
  const claims = createSightings(clockMs)

  function claimed(telling: Telling, channel: Channel, call: Call, after?: { found: OpenCall | undefined }): Telling {
    const { status, call: found } = standingOf(telling, channel)
    // After a commit of unknown outcome this runs again, and finds its own claim.
    if (found && found.claimedBy === call.claimedBy) return telling
    if (isTaken(status)) throw sendingElsewhere(0)
    const leftMs = found?.claimedBy ? CLAIM_MS - claims.ageMs(found.claimedBy) : 0
    if (leftMs > 0) throw sendingElsewhere(Math.min(leftMs, LOOK_AGAIN_MS))
    const isAsFound = after?.found?.provider === found?.provider && after?.found?.at === found?.at
    if (after && !isAsFound) throw sendingElsewhere(0)
    return withStanding(telling, channel, { call })
  }

  return {
    async begin({ notificationId, channel }, call, after) {
      const claim = randomUUID()
      claims.ageMs(claim)
      await commit.submit(
        about(tellings, notificationId, (telling) => {
          if (!telling) throw noSuchNotification(notificationId)
          const state = claimed(telling, channel, { ...call, claimedBy: claim }, after)
          return { ...(state !== telling && { state }), messages: [], result: undefined }
        }),
      )
      return claim
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

/** Beyond it the one that was seen first is forgotten, long after its time. */
const SIGHTINGS_MAX = 10_000

/** For how long each claim has been known here. */
function createSightings(clockMs: () => number): { ageMs(claim: string): number } {
  const firstSeen = new Map<string, number>()
  return {
    ageMs(claim) {
      const sinceMs = firstSeen.get(claim) ?? clockMs()
      firstSeen.set(claim, sinceMs)
      const [oldest] = firstSeen.keys()
      if (firstSeen.size > SIGHTINGS_MAX && oldest !== undefined) firstSeen.delete(oldest)
      return clockMs() - sinceMs
    },
  }
}
