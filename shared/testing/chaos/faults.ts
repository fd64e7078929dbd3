// Causes the faults of a chaos run: for each process one after the other, as long as the run lasts. The seed decides which.
import { setTimeout as delay } from 'node:timers/promises'
import type { Instant } from '../../runtime/instants.ts'
import { createRandom, type Random } from '../simulation/random.ts'
import type { Fleet, Member } from './fleet.ts'

/** Instants that each service reaches. At each, a crash tests a promise: something is done and its consequence is not. */
const INSTANTS = ['before-commit', 'after-commit', 'confirmed', 'before-ack'] as const satisfies Instant[]
const PAUSE_MS = [300, 2_500] as const
const LOOK_MS = 50
const DOWN_MS = [0, 2_000] as const
/** Up to several heartbeats, so that the broker gives up the connection. */
const FROZEN_MS = [500, 8_000] as const
const INSTANT_WITHIN_MS = 5_000

/** How often each fault was caused. */
export type Done = Record<'killed' | 'killed at an instant' | 'frozen' | 'stopped', number>

/** Resolves after the signal, when every fault that we can end has ended. */
export async function breakAll<Service extends string>(
  fleet: Fleet<Service>,
  seed: number,
  signal: AbortSignal,
): Promise<Done> {
  const done: Done = { killed: 0, 'killed at an instant': 0, frozen: 0, stopped: 0 }
  await Promise.all(fleet.members.map((member) => breakOne(fleet, member, { seed, signal, done })))
  return done
}

async function breakOne<Service extends string>(
  fleet: Fleet<Service>,
  member: Member<Service>,
  { seed, signal, done }: { seed: number; signal: AbortSignal; done: Done },
): Promise<void> {
  const random = createRandom(seed, `chaos of ${member.service} ${member.copy}`)
  const pause = ([least, most]: readonly [number, number]) =>
    delay(random.between(least, most), undefined, { signal }).catch(() => undefined)

  const happens: Record<keyof Done, () => Promise<boolean>> = {
    killed: () => fleet.kill(member, random.between(...DOWN_MS)).then(() => true),
    'killed at an instant': async () => {
      const instant = `${random.pick(INSTANTS)}:${random.between(1, 10)}`
      return (await fleet.killAt([member], instant, INSTANT_WITHIN_MS)) !== undefined
    },
    async frozen() {
      fleet.signal(member, 'SIGSTOP')
      await pause(FROZEN_MS)
      fleet.signal(member, 'SIGCONT')
      return true
    },
    stopped: () => fleet.restart(member).then(() => true),
  }

  // Begins with a kill, so that even a short run kills every process.
  let what: keyof Done = 'killed'
  while (!signal.aborted) {
    // A process that is still starting holds nothing that could be lost.
    if (await fleet.isReady(member)) {
      await pause(PAUSE_MS)
      if (!signal.aborted && (await happens[what]())) done[what] += 1
      what = kindOf(random)
    } else await delay(LOOK_MS)
  }
}

/** The most harmful faults are the most frequent. */
function kindOf(random: Random): keyof Done {
  return random.pick([
    ...(['killed', 'killed', 'killed at an instant', 'killed at an instant', 'killed at an instant'] as const),
    ...(['frozen', 'stopped'] as const),
  ])
}
