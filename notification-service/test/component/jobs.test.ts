// Jobs by the wall clock: each time once by however many copies, and a rule for what was missed.
import { eventually } from '@orders/shared/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CatchUp, dueOf } from '../../jobs/domain.ts'
import { startJobs } from '../../jobs/run.ts'
import { scheduleOf } from '../../jobs/schedule.ts'
import { summaryJob } from '../../jobs/summary.ts'
import { openCopies } from '../copies.ts'
import { openServices } from '../running.ts'
import { terms } from '../terms.ts'

describe('the times of a pattern', () => {
  it('are those after one instant and up to another, the newest where there are too many', () => {
    const hourly = scheduleOf('SUMMARY_CRON', '0 * * * *', 'UTC')
    const [ten, eleven, noon] = [10, 11, 12].map((hour) => `2026-11-21T${hour}:00:00.000Z`)
    expect(hourly.times('2026-11-21T09:00:00.000Z', '2026-11-21T12:00:00.000Z', 9)).toEqual([ten, eleven, noon])
    expect(hourly.times('2026-11-21T09:00:00.000Z', '2026-11-21T12:00:00.000Z', 2)).toEqual([eleven, noon])
    expect(hourly.times('2026-11-21T12:00:00.000Z', '2026-11-21T12:59:59.999Z', 9)).toEqual([])
    expect(hourly.first('2026-11-21T11:00:00.000Z')).toBe(noon)
  })

  it('follow the clock of their zone, once a day also when it changes', () => {
    const nightly = scheduleOf('SUMMARY_CRON', '30 2 * * *', 'Europe/Vienna')
    const october = nightly.times('2026-10-23T12:00:00.000Z', '2026-10-26T12:00:00.000Z', 9)
    expect(october).toEqual(['2026-10-24T00:30:00.000Z', '2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z'])
    expect(nightly.times('2026-03-28T12:00:00.000Z', '2026-03-29T12:00:00.000Z', 9)).toHaveLength(1)
  })

  it.each([
    ['99 * * * *', 'UTC'],
    ['never', 'UTC'],
    ['0 7 * * *', 'Mars/Base'],
  ])('%s in %s stops the service at its start, which says why', (pattern, zone) => {
    expect(() => scheduleOf('SUMMARY_CRON', pattern, zone)).toThrow(/configuration: SUMMARY_CRON: /)
  })
})

describe('what was missed', () => {
  const times = ['2026-11-19T07:00:00.000Z', '2026-11-20T07:00:00.000Z', '2026-11-21T07:00:00.000Z']
  const [, , last] = times
  const missed = '2026-11-21T09:00:00.000Z'
  const justNow = '2026-11-21T07:00:01.000Z'

  it.each<[CatchUp, string, string[]]>([
    ['all', missed, times],
    ['latest', missed, [last ?? '']],
    ['none', missed, []],
    ['none', justNow, [last ?? '']],
  ])('is run as %s says, at %s', (catchUp, now, run) => {
    expect(dueOf(times, catchUp, now)).toEqual({ run, skip: times.filter((time) => !run.includes(time)) })
  })

  it('is either run or left out, nothing twice, for any times', () => {
    const hour = fc.integer({ min: 0, max: 400 }).map((hours) => new Date(hours * 3_600_000).toISOString())
    const rule = fc.constantFrom<CatchUp>('latest', 'all', 'none')
    fc.assert(
      fc.property(fc.uniqueArray(hour), rule, hour, (unsorted, catchUp, now) => {
        const sorted = unsorted.sort()
        const { run, skip } = dueOf(sorted, catchUp, now)
        expect([...skip, ...run]).toEqual(sorted)
      }),
      { numRuns: 50 },
    )
  })
})

describe('the summary', () => {
  const env = { SUMMARY_TO: 'boss@example.org', SUMMARY_CRON: '0 * * * *' }
  const requests = (said: string[]) => said.filter((id) => id.includes('/notification.requested/'))
  const summaryAt = (hour: string) => `summary.2026-11-21T${hour}-00-00.000Z/notification.requested/direct`

  it('is said at each of its times once, by two copies, and tells how things stand', async () => {
    const { post, hear, said, clock, get } = await openServices({ copies: 2, env })
    const { body } = await post('/notifications', { to: { phone: '+43 1 234 567' }, subject: 'Hi', body: 'There.' })
    await hear(`${body.id}/notification.sent/direct.sms`)
    clock.now = '2026-11-21T09:00:00.000Z'
    await hear(summaryAt('09'))
    clock.now = '2026-11-21T10:00:00.000Z'
    await hear(summaryAt('10'))
    expect(requests(said()).slice(1)).toEqual([summaryAt('09'), summaryAt('10')])
    const { text } = (await get('/notifications/summary.2026-11-21T09-00-00.000Z')).body
    expect(text).toContain('Since 2026-11-20T09:00:00.000Z:\n\nsms: 1 sent')
  })

  it('that was not said because another copy was quicker with an earlier time is said by the next look', async () => {
    const { first, clock, said } = await openCopies(1, { at: '2026-11-21T08:30:00.000Z' })
    const { database, commit, log } = first
    const settings = { summaryTo: 'boss@example.org', summaryCron: '0 * * * *', summaryTimeZone: 'UTC' }
    const jobs = summaryJob({ ...settings, summaryCatchUp: 'latest' }, terms, database)
    const start = (read: typeof database.all) => {
      const reader = { ...database, all: read }
      return startJobs(jobs, { database: reader, commit, log, now: () => new Date(clock.now), pollMs: 10, terms })
    }
    const quicker = start(database.all)
    await eventually('the job is known', () => database.get('select job from job_runs'))
    await quicker.close()
    clock.now = '2026-11-21T09:00:00.000Z'
    let looks = 0
    const late = start(async <R extends object>(...asked: Parameters<typeof database.all>) =>
      // Its first look still sees what was there before the other copy.
      looks++ === 0 ? [] : database.all<R>(...asked),
    )
    await eventually('it is said', () => said().includes(summaryAt('09')) || undefined)
    await late.close()
    expect(requests(said())).toEqual([summaryAt('09')])
  })

  it.each([
    ['latest', ['11']],
    ['all', ['09', '10', '11']],
    ['none', []],
  ])(
    'that was due while the service was down is made up for as %s says; the others are told in the log',
    async (catchUp, hours) => {
      const { said, hear, clock, running, start } = await openServices({
        env: { ...env, SUMMARY_CATCH_UP: catchUp },
        at: '2026-11-21T07:30:00.000Z',
      })
      // A job is caught up with from its first look on.
      clock.now = '2026-11-21T08:00:00.000Z'
      await hear(summaryAt('08'))
      for (const { stop } of running) await stop()
      clock.now = '2026-11-21T11:30:00.000Z'
      const again = await start()
      for (const hour of hours) await hear(summaryAt(hour))
      const missed = ['09', '10', '11'].filter((hour) => !hours.includes(hour))
      await eventually('what was missed is told', () => {
        const told = again.lines.filter(({ msg }) => msg === 'job missed its time, and is not run')
        return told.length === missed.length || undefined
      })
      expect(requests(said()).sort()).toEqual(['08', ...hours].map(summaryAt))
    },
  )
})
