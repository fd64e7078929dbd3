// The times of a cron pattern, by croner, which knows months, time zones and their changes of the clock.
import { asError, BrokenError } from '@orders/shared/runtime'
import { Cron } from 'croner'

export interface Schedule {
  /** After `from` and not after `until`, in their order; the newest, should there be more than `max`. */
  times(from: string, until: string, max: number): string[]
  /** After `from`; undefined when there is none any more. */
  first(from: string): string | undefined
}

/** @throws BrokenError `bad_configuration` for a pattern or time zone that there is not. */
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
  // The reference itself is not among them.
  const newest = cron.previousRuns(max, new Date(Date.parse(until) + 1)).map((date) => date.toISOString())
  return newest.filter((time) => time > from).reverse()
}
