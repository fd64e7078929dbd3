// One life of a service's process: everything that it awaits on the outside passes here, and after its death nothing
// that it still does has any effect.
import type { Faults, Place } from './faults.ts'
import type { Tally } from './tally.ts'
import type { Time } from './time.ts'

export interface Process {
  service: string
  copy: number
  isAlive(): boolean
  /** Dies, as by `kill -9`. */
  kill(): void
  /** Called once, at its death. */
  atDeath(what: () => void): void
  /** One await on the outside: it takes its time; before and after the effect others may overtake, or the process die. */
  pass<T>(place: Place, effect: () => T | Promise<T>): Promise<T>
  /** The way to an effect alone. Undefined: at once, and the process lives; whatever is waited for is worth its time. */
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

  /** True while the process lives on; what waits for a dead one waits for ever. */
  function survives(place: Place): boolean {
    if (isAlive && faults.isLast(place)) kill()
    return isAlive
  }

  /** Undefined when there is nothing to wait for; for a dead process it never ends. */
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

/** Each its own: what waits for the end of one promise stays in memory with it. */
const never = () => new Promise<never>(() => undefined)
