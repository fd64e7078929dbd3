// Which texts are instants, at every edge.
import { Compile } from 'typebox/compile'
import { describe, expect, it } from 'vitest'
import { Instant, isInstant, OffsetInstant } from '../../contracts/definition/calendar.ts'

const utc = Compile(Instant)
const anyOffset = Compile(OffsetInstant)

describe('an instant', () => {
  it.each(['2026-11-21T18:30:00Z', '2024-02-29T00:00:00.123456789Z', '2000-02-29T23:59:59Z'])('%s', (text) => {
    expect([utc.Check(text), anyOffset.Check(text), isInstant(text)]).toEqual([true, true, true])
  })

  it.each(['2026-11-21T18:30:00+05:30', '2026-11-21T18:30Z'])('%s from outside only', (text) => {
    expect([utc.Check(text), anyOffset.Check(text), isInstant(text)]).toEqual([false, true, true])
  })

  it.each([
    '2026-13-01T00:00:00Z',
    '2026-02-30T10:00:00Z',
    '2026-02-29T10:00:00Z',
    '1900-02-29T10:00:00Z',
    '2026-04-31T10:00:00Z',
    '2026-00-10T10:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T18:60:00Z',
    '2026-11-21T18:30:60Z',
    '2026-11-21T18:30:00+24:00',
    '2026-11-21T18:30:00',
    '2026-11-21',
    ' 2026-11-21T18:30:00Z',
  ])('is not %s', (text) => {
    expect([utc.Check(text), anyOffset.Check(text), isInstant(text)]).toEqual([false, false, false])
  })

  it('is every day of four centuries that the calendar has, and no other', () => {
    const wrong: string[] = []
    for (let year = 1900; year < 2300; year++)
      for (let month = 1; month <= 12; month++)
        for (let day = 28; day <= 31; day++) {
          const date = [year, String(month).padStart(2, '0'), day].join('-')
          const isReal = new Date(Date.UTC(year, month - 1, day)).getUTCMonth() === month - 1
          if (isInstant(`${date}T00:00:00Z`) !== isReal) wrong.push(date)
        }
    expect(wrong).toEqual([])
  })
})
