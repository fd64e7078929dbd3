// Once all is healed each dead letter is rehearsed before it is sent again: what was told beforehand is compared with what came of it.
import { setTimeout as delay } from 'node:timers/promises'
import { type KeptLetter, leftIn, readDeadLetters, sendAgain } from './drain.ts'
import { WAITS } from './oracle/rehearsals.ts'
import type { Rehearsals, Rehearsed } from './oracle/snapshot.ts'
import type { World } from './world.ts'

const AT_ONCE = 8
const LOOK_EVERY_MS = 250
const ENDED_WITHIN_MS = 60_000

interface Told {
  outcome: Rehearsed['told']
  error: { code: string } | null
}

export function openRehearsals(world: World, signal: AbortSignal) {
  const told = new Map<string, KeptLetter & Told>()
  let calls = 0

  /** Nothing that sends mails may be under way. */
  async function rehearseAll(letters: readonly KeptLetter[]): Promise<void> {
    const takenBefore = world.mail.accepted.length
    for (let first = 0; first < letters.length && !signal.aborted; first += AT_ONCE) {
      const some = letters.slice(first, first + AT_ONCE)
      for (const one of await Promise.all(some.map((letter) => rehearse(world, letter)))) told.set(one.failureId, one)
    }
    calls += world.mail.accepted.length - takenBefore
  }

  return {
    rehearseAll,
    /** The rest is rehearsed and sent again, too, unless it was left open: that would ask outside. */
    async end(): Promise<Rehearsals & { sentAgain: KeptLetter[] }> {
      await rehearseAll(await readDeadLetters(world.rows))
      const waiting = new Set((await readDeadLetters(world.rows)).map(({ failureId }) => failureId))
      const sentAgain = [...told.values()].filter(
        ({ failureId, outcome }) => waiting.has(failureId) && ['decided', 'fails'].includes(outcome),
      )
      await sendAgain(world, sentAgain)
      const failed = await ended(world, sentAgain, signal)
      const rehearsed = [...told.values()].map(({ failureId, queue, id, outcome, error }): Rehearsed => {
        return { queue, id, told: outcome, code: error?.code ?? null, came: failed.get(failureId) ?? null }
      })
      return { rehearsed, calls, sentAgain }
    },
  }
}

async function rehearse({ system }: World, letter: KeptLetter): Promise<KeptLetter & Told> {
  const { status, body } = await system.post(`/failed/${letter.failureId}/rehearsal`, {}, 'audit')
  // The casts are the decoding edge of audit-service's answers.
  if (status === 200) return { ...letter, ...(body as Told) }
  return { ...letter, outcome: 'refused', error: { code: (body as { code?: string }).code ?? String(status) } }
}

const stopped = ({ rows }: World) =>
  rows<{ id: string }>('audit-service', `select id from resends where state = 'stopped'`)

/**
 * By the failure that was sent again, why it failed again; once nothing is left to do, and everything that was to fail has
 * failed: a message on its way from one service to another is in no number of the broker's for a moment.
 *
 * Letters that fail again stop a resend, this one or one of the run's faults. These are meant to fail, so it is resumed.
 */
async function ended(
  world: World,
  sent: readonly (KeptLetter & Told)[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const toFail = sent.filter(({ outcome, error }) => outcome === 'fails' && !WAITS.includes(error?.code ?? ''))
  let failed = await failedAgain(world)
  const deadline = performance.now() + ENDED_WITHIN_MS
  for (let quiet = 0; quiet < 2 && performance.now() < deadline && !signal.aborted; ) {
    const left = await leftIn(world).catch((error: Error) => [error.message])
    const toResume = await stopped(world)
    for (const { id } of toResume)
      await world.system.post(`/replays/${id}/resume`, { operator: 'chaos', reason: 'they were to fail' }, 'audit')
    failed = await failedAgain(world)
    const missing = toFail.filter(({ failureId }) => !failed.has(failureId))
    quiet = left.length + toResume.length + missing.length === 0 ? quiet + 1 : 0
    await delay(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined)
  }
  return failed
}

async function failedAgain({ rows }: World): Promise<Map<string, string>> {
  const failed = await rows<{ before: string; code: string }>(
    'audit-service',
    'select sent_again_of as before, code from failures where sent_again_of is not null',
  )
  return new Map(failed.map(({ before, code }) => [before, code]))
}
