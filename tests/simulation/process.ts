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
  /** The same, where dying afterwards is another place's matter. */
  wait(place: Place): Promise<void>
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

  /** Calls `go` when the time has come, if the process lives to see it. */
  function later(place: Place, go: () => void): void {
    if (!survives(place)) return
    const delayMs = faults.delayMs(place)
    if (delayMs === 0) return go()
    time.schedule(delayMs, () => {
      if (survives(place)) go()
    })
  }

  return {
    service,
    copy,
    isAlive: () => isAlive,
    kill,
    atDeath: (what) => void mourners.push(what),
    pass(place, effect) {
      return new Promise((resolve, reject) => {
        later(place, async () => {
          try {
            const result = await effect()
            if (survives(place)) resolve(result)
          } catch (error) {
            if (isAlive) reject(error)
          }
        })
      })
    },
    wait: (place) => new Promise((resolve) => later(place, resolve)),
  }
}
