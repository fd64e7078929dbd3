// Decides by the seed what goes wrong. At every outside await of the kernel it decides how long the await takes, whether the
// process dies there, and whether a message is doubled.
import type { Random } from './random.ts'

/** The places where the kernel waits, and how likely a process is to die there, relative to one statement. */
const weights = {
  statement: 1,
  begin: 2,
  commit: 12,
  committed: 12,
  read: 1,
  publish: 6,
  confirm: 6,
  delivery: 6,
  ack: 6,
  question: 20,
  answer: 20,
  call: 12,
  called: 12,
} as const
export type Place = keyof typeof weights

export interface Rates {
  /** Weighted awaits between two crashes, on average. */
  crashEvery: number
  duplicate: number
  timerStuck: number
  statementFails: number
  transactionLost: number
  callFails: number
  callHangs: number
}

export interface Faults {
  delayMs(place: Place): number
  isLast(place: Place): boolean
  isDoubled(): boolean
  /** A timer that never comes back, as in a cluster whose nodes have lost contact. */
  isTimerStuck(): boolean
  /** How a statement fails; undefined if it does not. */
  statementFault(): 'statement' | 'transaction' | undefined
  callFault(): 'fails' | 'hangs' | undefined
  /** Stops all faults. Awaits still take time. */
  calm(): void
  isCalm(): boolean
}

/** The rates for a number of requests; `weight` is the sum of the weights of one request's awaits. */
export function ratesFor(wishes: number, weight: number): Rates {
  const crashes = Math.max(6, wishes / 30)
  return {
    crashEvery: (wishes * weight) / crashes,
    duplicate: 0.02,
    timerStuck: 0.1,
    statementFails: 0.0004,
    transactionLost: 0.0004,
    callFails: 0.03,
    callHangs: 0.002,
  }
}

export function createFaults(random: Random, rates: Rates): Faults {
  let isCalm = false
  let leftUntilCrash = random.wait(rates.crashEvery)
  return {
    delayMs(place) {
      const luck = random.next()
      if (place === 'statement' || place === 'read' || place === 'begin') {
        // Most statements take no time, so that other processes rarely get in between. A delay of 0 costs no event.
        if (luck < 0.8) return 0
        return luck < 0.99 ? luck / 10 : luck * 2
      }
      if (luck < 0.9) return luck * 2
      // A commit delays all work of the service, a message on its way only itself.
      if (place === 'commit' || place === 'committed') return random.wait(10)
      return luck < 0.995 ? random.wait(20) : random.wait(2_000)
    },
    isLast(place) {
      if (isCalm) return false
      leftUntilCrash -= weights[place]
      if (leftUntilCrash > 0) return false
      leftUntilCrash = random.wait(rates.crashEvery)
      return true
    },
    isTimerStuck: () => !isCalm && random.chance(rates.timerStuck),
    isDoubled: () => !isCalm && random.chance(rates.duplicate),
    statementFault() {
      if (isCalm) return undefined
      const luck = random.next()
      if (luck < rates.statementFails) return 'statement'
      return luck < rates.statementFails + rates.transactionLost ? 'transaction' : undefined
    },
    callFault() {
      if (isCalm) return undefined
      const luck = random.next()
      if (luck < rates.callFails) return 'fails'
      return luck < rates.callFails + rates.callHangs ? 'hangs' : undefined
    },
    calm() {
      isCalm = true
    },
    isCalm: () => isCalm,
  }
}
