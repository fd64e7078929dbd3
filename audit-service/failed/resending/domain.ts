// The rules of a replay. It sends in steps, each ten times as large as the one before, and waits after each step for messages
// that fail again. Pure.

export interface Resend {
  id: string
  state: 'running' | 'stopped' | 'done'
  /** Why it was stopped. */
  why: string | null
  total: number
  /** The members up to this place are finished. */
  position: number
  /** The last place of the current step. */
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

/** `failedAgain` counts the failures of all steps. More than the tolerated number stops the replay. */
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
