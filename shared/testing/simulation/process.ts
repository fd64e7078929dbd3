// One life of a simulated process. Everything that it awaits outside passes through here. After its death nothing that it does
// has any effect.
import type { Faults, Place } from './faults.ts'
import type { Tally } from './tally.ts'
import type { Time } from './time.ts'

export interface Process {
  service: string
  copy: number
  isAlive(): boolean
  /** Dies as by `kill -9`. */
  kill(): void
  /** Called once, at its death. */
  atDeath(what: () => void): void
  /** One outside await. It takes time. Before and after the effect, other work may overtake or the process may die. */
  pass<T>(place: Place, effect: () => T | Promise<T>): Promise<T>
  /** The wait before an effect only. Undefined: no wait, and the process lives. */
  wait(place: Place): Promise<void> | undefined
}

interface Surroundings {
  time: Time
  faults: Faults
  tally: Tally
}

export function createProcess(service: string, copy: number, { time, faults, tally }: Surroundings): Process {
  const mourners: (() => void)[] = []
  let isAlive = true

  function kill(): void {
    if (!isAlive) return
    isAlive = false
    tally.add('crashes')
    tally.note(`${service} ${copy} dies`, time.nowMs())
    for (const mourn of mourners) mourn()
  }

  /** Whether the process lives on. What waits for a dead process waits for ever. */
  function survives(place: Place): boolean {
    if (isAlive && faults.isLast(place)) kill()
    return isAlive
  }

  /** Undefined if there is nothing to wait for. For a dead process it never resolves. */
  function wait(place: Place): Promise<void> | undefined {
    if (!survives(place)) return never()
    const delayMs = faults.delayMs(place)
    if (delayMs === 0) return undefined
    return new Promise((resolve) => {
      time.schedule(delayMs, () => {
        if (survives(place)) resolve()
      })
    })
  }

  return {
    service,
    copy,
    isAlive: () => isAlive,
    kill,
    atDeath: (what) => void mourners.push(what),
    async pass(place, effect) {
      await wait(place)
      try {
        const result = await effect()
        return survives(place) ? result : await never()
      } catch (error) {
        if (!isAlive) await never()
        throw error
      }
    },
    wait,
  }
}

/** A new promise each time, since waiters on one shared promise would stay in memory with it. */
const never = () => new Promise<never>(() => undefined)
