// Quiet hours: whether the customer's local time lies in them, and when they end. Only the local clock counts. An end
// that the clock skips in spring comes at the moment of the skip. An hour that it repeats in autumn counts twice.

/** Local minutes since midnight. `to` is the first minute that is not quiet. */
export interface QuietHours {
  from: number
  to: number
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440

export const QUIET_HOURS = '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$'

/** Parses `22:00-08:00`. If both ends are equal, no time is quiet. */
export function parseQuietHours(text: string): QuietHours {
  const [from = 0, to = 0] = text.split('-').map((clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)))
  return { from, to }
}

/** The end, in ms, of the quiet hours in which `atMs` lies. Undefined if it lies in none. */
export function quietUntil({ from, to }: QuietHours, timeZone: string, atMs: number): number | undefined {
  const offset = offsetIn(timeZone)
  /** Remaining local time in the quiet hours, in ms. Undefined outside. */
  const leftAt = (ms: number): number | undefined => {
    const sinceMidnight = modulo(ms + offset(ms), DAY_MINUTES * MINUTE_MS)
    const sinceFrom = modulo(sinceMidnight - from * MINUTE_MS, DAY_MINUTES * MINUTE_MS)
    const length = modulo(to - from, DAY_MINUTES) * MINUTE_MS
    return sinceFrom < length ? length - sinceFrom : undefined
  }
  let endMs = atMs
  for (let left = leftAt(atMs); left !== undefined; left = leftAt(endMs))
    endMs = offset(endMs) === offset(endMs + left) ? endMs + left : changeBetween(endMs, endMs + left, offset)
  return endMs === atMs ? undefined : endMs
}

/** The first instant after a clock change, to the millisecond. */
function changeBetween(beforeMs: number, afterMs: number, offset: (ms: number) => number): number {
  let [before, after] = [beforeMs, afterMs]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offset(middle) === offset(beforeMs)) before = middle
    else after = middle
  }
  return after
}

function offsetIn(timeZone: string): (ms: number) => number {
  const clock = clockOf(timeZone)
  return (ms) => {
    const shown = Object.fromEntries(clock.formatToParts(ms).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown
    return Date.UTC(year, month - 1, day, hour, minute, second) - (ms - modulo(ms, 1_000))
  }
}

/** Building a format costs fifty times as much as using it. There are as many as time zones. */
const clocks = new Map<string, Intl.DateTimeFormat>()

/** @throws RangeError if the time zone does not exist. */
function clockOf(timeZone: string): Intl.DateTimeFormat {
  const name = timeZone.toLowerCase()
  const known = clocks.get(name)
  if (known) return known
  const clock = new Intl.DateTimeFormat('en', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  clocks.set(name, clock)
  return clock
}

const modulo = (value: number, divisor: number) => ((value % divisor) + divisor) % divisor
