// The times of a cron pattern. croner handles months, time zones and clock changes.
import { asError, BrokenError } from '@orders/shared/runtime'
import { Cron } from 'croner'

export interface Schedule {
  /** After `from` and not after `until`, in order. If there are more than `max`, the newest. */
  times(from: string, until: string, max: number): string[]
  /** The first time after `from`. Undefined if there is none. */
  first(from: string): string | undefined
}

/** @throws BrokenError `bad_configuration` if the pattern or time zone is invalid. */
export function scheduleOf(setting: string, pattern: string, timezone: string): Schedule {
  try {
    const cron = new Cron(pattern, { timezone, paused: true })
    cron.nextRun()
    return {
      times: (from, until, max) => timesOf(cron, from, until, max),
      first: (from) => cron.nextRun(new Date(from))?.toISOString(),
    }
  } catch (thrown) {
    throw new BrokenError('bad_configuration', `configuration: ${setting}: ${asError(thrown).message}`)
  }
}

function timesOf(cron: Cron, from: string, until: string, max: number): string[] {
  // croner excludes the reference itself, hence one millisecond more.
  const newest = cron.previousRuns(max, new Date(Date.parse(until) + 1)).map((date) => date.toISOString())
  return newest.filter((time) => time > from).reverse()
}
