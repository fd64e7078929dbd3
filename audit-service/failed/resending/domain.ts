// How failures are sent again: first one, then ten, then a hundred, and so on, each step watched before the next; pure.

export interface Resend {
  id: string
  state: 'running' | 'stopped' | 'done'
  /** Why it was stopped. */
  why: string | null
  total: number
  /** Members up to here are done with. */
  position: number
  /** This step goes up to here. */
  stepEnd: number
  stepSize: number
  watchMs: number
  watchUntil: string | null
  tolerated: number
  ratePerSecond: number
}

export type Next =
  | { do: 'send'; count: number }
  | { do: 'watch'; until: string }
  | { do: 'step'; stepEnd: number; stepSize: number }
  | { do: 'stop'; why: string }
  | { do: 'finish' }

const FACTOR = 10
const BATCH_MAX = 50

/** Whatever fails again stops it, from whichever step: `failedAgain` counts them all. */
export function nextOf(resend: Resend, failedAgain: number, now: string): Next {
  const { total, position, stepEnd, stepSize, watchMs, watchUntil, tolerated, ratePerSecond } = resend
  if (failedAgain > tolerated)
    return { do: 'stop', why: `${failedAgain - tolerated} of the messages sent failed again` }
  if (position < stepEnd) return { do: 'send', count: Math.min(stepEnd - position, BATCH_MAX, ratePerSecond) }
  const until = watchUntil ?? new Date(Date.parse(now) + watchMs).toISOString()
  if (now < until) return { do: 'watch', until }
  if (position >= total) return { do: 'finish' }
  const next = stepSize * FACTOR
  return { do: 'step', stepEnd: Math.min(total, position + next), stepSize: next }
}
