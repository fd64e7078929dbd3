// A call to a provider is claimed in the database before it is made: of two copies of the service that hold the same message
// at once, one sends it. The same row tells of a call of which nobody knows what came, also when its process was killed.
//
// A claim ends with what came of the call, in one transaction, or by time. Nobody's wall clock is asked for that: whoever
// finds a claim takes it for dead once it has stood for longer than any call takes, since it was first seen here.
import { randomUUID } from 'node:crypto'
import type { GroupCommit } from '@orders/shared/messaging'
import { TransientError } from '@orders/shared/runtime'
import type { Sql } from '@orders/shared/storage'
import type { Attempt, Outgoing } from '../deliveries/domain.ts'
import { saveAttempt } from '../deliveries/store.ts'
import { MAIL_TIMEOUT_MS } from './email.ts'
import { endCall, openCallOf, saveCall, standOf } from './store.ts'

export interface OpenCall {
  provider: string
  at: string
}

export interface Calls {
  /** The call of which nobody knows what came, or which somebody makes now. */
  find(outgoing: Outgoing): Promise<OpenCall | undefined>
  /**
   * Claims the call, so that it may be made; resolves with the claim, which `fail` ends, or the transaction that records
   * the success. `after` is what was found before, where that has decided who is called.
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

export function callsIn(
  database: Pick<Sql, 'get'>,
  commit: Pick<GroupCommit, 'submit'>,
  clockMs = () => performance.now(),
): Calls {
  const claims = createSightings(clockMs)

  function submit(notificationId: string, work: (tx: Sql) => Promise<void>): Promise<void> {
    return commit.submit(async (tx) => ({ result: await work(tx), messages: [] }), { keys: [notificationId] })
  }

  return {
    find: (outgoing) => openCallOf(database, outgoing),
    async begin(outgoing, call, after) {
      const claim = randomUUID()
      claims.ageMs(claim)
      await submit(outgoing.notificationId, async (tx) => {
        const { status, claimedBy, provider, at } = await standOf(tx, outgoing)
        // After a commit of unknown outcome this runs again, and finds its own claim.
        if (claimedBy === claim) return
        if (status === 'sent') throw sendingElsewhere(0)
        const leftMs = claimedBy === null ? 0 : CLAIM_MS - claims.ageMs(claimedBy)
        if (leftMs > 0) throw sendingElsewhere(Math.min(leftMs, LOOK_AGAIN_MS))
        const isAsFound = (after?.found?.provider ?? null) === provider && (after?.found?.at ?? null) === at
        if (after && !isAsFound) throw sendingElsewhere(0)
        await saveCall(tx, outgoing, call, claim)
      })
      return claim
    },
    fail: (claim, attempt, open) =>
      submit(attempt.notificationId, async (tx) => {
        await saveAttempt(tx, attempt)
        await endCall(tx, attempt, claim, open)
      }),
  }
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
