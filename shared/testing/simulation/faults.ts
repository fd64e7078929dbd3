// What goes wrong, and when: the seed decides at every await that the kernel makes on the outside how long it takes,
// whether the process dies there, and whether a message comes twice.
import type { Random } from './random.ts'

/** Where the kernel waits for somebody else, and how likely each is to be a process's last, beside one statement. */
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
  /** A timer that never comes back, as one may in a cluster whose nodes have lost sight of each other. */
  isTimerStuck(): boolean
  /** How a statement fails, if it does. */
  statementFault(): 'statement' | 'transaction' | undefined
  callFault(): 'fails' | 'hangs' | undefined
  /** Nothing goes wrong any more; things still take their time. */
  calm(): void
  isCalm(): boolean
}

/** For so many wishes of people, which weigh so much each: all their awaits together. */
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
        // Most are done at once, so that others seldom get in between; what is done at once costs no event.
        if (luck < 0.8) return 0
        return luck < 0.99 ? luck / 10 : luck * 2
      }
      if (luck < 0.9) return luck * 2
      // A commit holds up everybody; what is on its way, only itself.
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
