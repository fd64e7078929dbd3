// Jobs by the wall clock: which of their times are run, and which are left out, when some have passed unseen.

/** What becomes of times that passed while no copy ran: the latest, all or none of them is run. */
export type CatchUp = 'latest' | 'all' | 'none'

export interface Due {
  run: string[]
  skip: string[]
}

/** A time is missed when nobody looked for that long. */
export const MISSED_AFTER_MS = 60_000

/** `times` are due, in their order. The newest is run whatever the rule, if it has only just come. */
export function dueOf(times: readonly string[], catchUp: CatchUp, now: string): Due {
  const latest = times.at(-1)
  if (latest === undefined || catchUp === 'all') return { run: [...times], skip: [] }
  const isMissed = Date.parse(now) - Date.parse(latest) > MISSED_AFTER_MS
  const run = catchUp === 'none' && isMissed ? [] : [latest]
  return { run, skip: times.slice(0, times.length - run.length) }
}
