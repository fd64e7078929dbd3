// Quiet hours: whether the clock on the customer's wall says so, and when it next says otherwise. The clock alone decides:
// an end that it skips in spring has come when it skips it, and what it shows twice in autumn counts twice.

/** Minutes since midnight, on the clock. `to` is the first that is not quiet any more. */
export interface QuietHours {
  from: number
  to: number
}

const MINUTE_MS = 60_000
const DAY_MINUTES = 1_440

export const QUIET_HOURS = '^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$'

/** `22:00-08:00`; one that ends when it begins is never quiet. */
export function parseQuietHours(text: string): QuietHours {
  const [from = 0, to = 0] = text.split('-').map((clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3)))
  return { from, to }
}

/** The instant, in ms, at which the quiet hours that `atMs` is in are over; undefined where it is in none. */
export function quietUntil({ from, to }: QuietHours, timeZone: string, atMs: number): number | undefined {
  const offset = offsetIn(timeZone)
  /** What is left of them on the clock, in ms; undefined outside. */
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

/** The first instant at which the clock has been put forward or back, to the millisecond. */
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

/** Building one costs fifty times what using it does; there are as many as there are time zones. */
const clocks = new Map<string, Intl.DateTimeFormat>()

/** @throws RangeError where there is no such time zone. */
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
