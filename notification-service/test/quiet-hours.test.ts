// Quiet hours on clocks that are put forward and back, by an hour, by half of one, or never.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTimeZone } from '../customers/domain.ts'
import { parseQuietHours, quietUntil } from '../rules/quiet-hours.ts'

const until = (window: string, timeZone: string, at: string) => {
  const end = quietUntil(parseQuietHours(window), timeZone, Date.parse(at))
  return end === undefined ? undefined : new Date(end).toISOString()
}

describe('an ordinary night', () => {
  it.each([
    ['22:00-08:00', 'Europe/Berlin', '2026-11-21T20:59:59.999Z', undefined],
    ['22:00-08:00', 'Europe/Berlin', '2026-11-21T21:00:00.000Z', '2026-11-22T07:00:00.000Z'],
    ['22:00-08:00', 'Europe/Berlin', '2026-11-22T06:59:59.999Z', '2026-11-22T07:00:00.000Z'],
    ['22:00-08:00', 'Europe/Berlin', '2026-11-22T07:00:00.000Z', undefined],
    ['22:00-08:00', 'Asia/Kathmandu', '2026-11-21T16:15:00.000Z', '2026-11-22T02:15:00.000Z'],
    ['13:00-15:00', 'America/New_York', '2026-07-01T17:30:12.345Z', '2026-07-01T19:00:00.000Z'],
    ['00:00-00:00', 'UTC', '2026-11-21T00:00:00.000Z', undefined],
    ['12:30-12:30', 'Europe/Berlin', '2026-11-21T11:30:00.000Z', undefined],
    ['08:01-08:00', 'UTC', '2026-11-21T08:01:00.000Z', '2026-11-22T08:00:00.000Z'],
  ])('%s in %s at %s', (window, timeZone, at, end) => expect(until(window, timeZone, at)).toBe(end))
})

describe('a night in which the clock is changed', () => {
  it.each([
    // Berlin, 29 March: 01:59:59 is followed by 03:00:00, at 01:00 UTC.
    ['spring, across', '22:00-08:00', 'Europe/Berlin', '2026-03-28T21:30:00.000Z', '2026-03-29T06:00:00.000Z'],
    ['an end that is skipped', '22:00-02:30', 'Europe/Berlin', '2026-03-28T21:30:00.000Z', '2026-03-29T01:00:00.000Z'],
    [
      'a beginning that is skipped',
      '02:30-08:00',
      'Europe/Berlin',
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T06:00:00.000Z',
    ],
    ['all of it skipped', '02:10-02:50', 'Europe/Berlin', '2026-03-29T00:59:59.999Z', undefined],
    ['all of it skipped, after', '02:10-02:50', 'Europe/Berlin', '2026-03-29T01:00:00.000Z', undefined],
    // Berlin, 25 October: the hour from 02:00 comes twice, from 00:00 and from 01:00 UTC.
    ['autumn, across', '22:00-08:00', 'Europe/Berlin', '2026-10-24T20:30:00.000Z', '2026-10-25T07:00:00.000Z'],
    ['an end that comes twice', '22:00-02:30', 'Europe/Berlin', '2026-10-24T20:30:00.000Z', '2026-10-25T00:30:00.000Z'],
    ['between both ends', '22:00-02:30', 'Europe/Berlin', '2026-10-25T00:45:00.000Z', undefined],
    ['its second time', '22:00-02:30', 'Europe/Berlin', '2026-10-25T01:10:00.000Z', '2026-10-25T01:30:00.000Z'],
    ['an end at the change', '22:00-03:00', 'Europe/Berlin', '2026-10-24T23:00:00.000Z', '2026-10-25T02:00:00.000Z'],
    // New York, 8 March at 07:00 UTC, 1 November at 06:00 UTC.
    ['New York in spring', '21:00-07:00', 'America/New_York', '2026-03-08T03:00:00.000Z', '2026-03-08T11:00:00.000Z'],
    ['New York in autumn', '21:00-07:00', 'America/New_York', '2026-11-01T03:00:00.000Z', '2026-11-01T12:00:00.000Z'],
    // Lord Howe changes by half an hour: 4 October forward at 15:30 UTC the day before, 5 April back at 15:00 UTC.
    [
      'half an hour skipped',
      '22:00-02:15',
      'Australia/Lord_Howe',
      '2026-10-03T14:00:00.000Z',
      '2026-10-03T15:30:00.000Z',
    ],
    ['half an hour less', '22:00-08:00', 'Australia/Lord_Howe', '2026-10-03T14:00:00.000Z', '2026-10-03T21:00:00.000Z'],
    ['half an hour more', '22:00-08:00', 'Australia/Lord_Howe', '2026-04-04T14:00:00.000Z', '2026-04-04T21:30:00.000Z'],
  ])('%s', (_, window, timeZone, at, end) => expect(until(window, timeZone, at)).toBe(end))
})

const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/St_Johns', 'UTC']

/** Finer than any change of the clock, and no divisor of an hour. */
const STEP_MS = 7 * 60_000

const clockIn = (timeZone: string) => new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' })
const clocks = new Map(zones.map((timeZone) => [timeZone, clockIn(timeZone)]))

/** The clock as people read it, by another way than the rule's own. */
function isQuiet(window: string, timeZone: string, at: number): boolean {
  const [from = '', to = ''] = window.split('-')
  const shown = clocks.get(timeZone)?.format(at) ?? ''
  return from <= to ? from <= shown && shown < to : shown >= from || shown < to
}

it('ends at the first minute outside, never before now, at most 25 hours away', () => {
  const clock = fc.integer({ min: 0, max: 1_439 }).map((minutes) => {
    const two = (value: number) => String(value).padStart(2, '0')
    return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
  })
  const at = fc.oneof(
    fc.date({ min: new Date('2020-01-01T00:00:00Z'), max: new Date('2035-01-01T00:00:00Z'), noInvalidDate: true }),
    // Days around changes of the clock, which a random date seldom meets.
    fc
      .tuple(
        fc.constantFrom('2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01'),
        fc.integer({ min: -36, max: 24 }),
        fc.nat(3_599_999),
      )
      .map(([day, hours, ms]) => new Date(Date.parse(`${day}T00:00:00Z`) + hours * 3_600_000 + ms)),
  )
  fc.assert(
    fc.property(fc.constantFrom(...zones), clock, clock, at, (timeZone, from, to, date) => {
      const window = `${from}-${to}`
      const now = date.getTime()
      const end = quietUntil(parseQuietHours(window), timeZone, now)
      expect(end !== undefined).toBe(isQuiet(window, timeZone, now))
      if (end === undefined) return
      expect(end).toBeGreaterThan(now)
      expect(end - now).toBeLessThanOrEqual(25 * 3_600_000)
      expect(isQuiet(window, timeZone, end)).toBe(false)
      const between = Array.from({ length: Math.ceil((end - now) / STEP_MS) }, (_, step) => now + step * STEP_MS)
      expect([...between, end - 1].filter((ms) => !isQuiet(window, timeZone, ms))).toEqual([])
    }),
    { numRuns: 100 },
  )
})

it('knows time zones by their IANA names only', () => {
  expect([...zones, 'europe/berlin', 'Asia/Katmandu'].filter((name) => !isTimeZone(name))).toEqual([])
  expect(['', 'Mars/Olympus', '+01:00', '-0800', 'Europe', 'Europe/Berlin\n', '../etc'].filter(isTimeZone)).toEqual([])
})
