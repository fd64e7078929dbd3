// Decides which times of a job are run, and which are skipped, if some passed while no copy ran.

/** Which of the times that passed while no copy ran are run. */
export type CatchUp = 'latest' | 'all' | 'none'

export interface Due {
  run: string[]
  skip: string[]
}

/** A time counts as missed if no copy has run it for this long. */
export const MISSED_AFTER_MS = 60_000

/** `times` are due, in order. The newest is run under every rule if it is not missed yet. */
export function dueOf(times: readonly string[], catchUp: CatchUp, now: string): Due {
  const latest = times.at(-1)
  if (latest === undefined || catchUp === 'all') return { run: [...times], skip: [] }
  const isMissed = Date.parse(now) - Date.parse(latest) > MISSED_AFTER_MS
  const run = catchUp === 'none' && isMissed ? [] : [latest]
  return { run, skip: times.slice(0, times.length - run.length) }
}
