// What becomes of a failure: the whole table.
import { describe, expect, it } from 'vitest'
import { BrokenError, PermanentError, RejectedError, TransientError } from '../../runtime/errors.ts'
import {
  attemptOf,
  DEFAULT_PATIENCE,
  historyOf,
  historyWith,
  type Patience,
  patienceWith,
  remedyFor,
} from '../recoverability.ts'

const at = '2026-11-21T08:00:00.000Z'
const after = (error: Error, attempt = 1, { forMs = 0, patience = DEFAULT_PATIENCE, random = 0 } = {}) =>
  remedyFor(error, { attempt, forMs }, patience, random)
const busy = new TransientError('busy', 'not now')
const crowded = new TransientError('crowded', 'others first', { isUntried: true })
const leftAlone = new TransientError('breaker_open', 'left alone', { isUntried: true, isOutside: true })
const interrupted = new TransientError('connection_lost', 'in a transaction', { isInterrupted: true })
const counted = { isCounted: true, usesPatience: true }

describe('remedyFor', () => {
  it.each([
    [1, { kind: 'retry', waitMs: 1_000, ...counted }],
    [2, { kind: 'retry', waitMs: 5_000, ...counted }],
    [3, { kind: 'retry', waitMs: 30_000, ...counted }],
    [4, { kind: 'dead-letter', reason: 'gave up after 4 attempts: busy: not now' }],
    [5, { kind: 'dead-letter', reason: 'gave up after 5 attempts: busy: not now' }],
  ])('lets a passing failure at attempt %i wait, and gives up after the last', (attempt, remedy) => {
    expect(after(busy, attempt)).toEqual(remedy)
  })

  it.each([1, 2, 3, 4])('gives a permanent failure up at once, at attempt %i too', (attempt) => {
    expect(after(new PermanentError('no', 'never'), attempt)).toEqual({ kind: 'dead-letter', reason: 'no: never' })
  })

  it.each([new Error('?'), new TypeError('?'), new RejectedError(409, 'taken', '?'), new BrokenError('bug', '?')])(
    'takes %s for one that may pass',
    (error) => expect(after(error)).toEqual({ kind: 'retry', waitMs: 1_000, ...counted }),
  )

  it('makes waits longer by up to a tenth, so that those who failed together come back apart', () => {
    expect(after(busy, 3, { random: 0.5 })).toMatchObject({ waitMs: 31_500 })
    expect(after(busy, 3, { random: 1 })).toMatchObject({ waitMs: 33_000 })
  })

  it.each([
    [1, 0.2, 1_000],
    [1, 4, 4_000],
    [2, 4, 5_000],
    [2, 120, 120_000],
    [1, 1_000_000, 3_600_000],
  ])('at attempt %i, asked to wait %d s, waits %i ms', (attempt, retryAfterSeconds, waitMs) => {
    expect(after(new TransientError('busy', '', { retryAfterSeconds }), attempt)).toMatchObject({ waitMs })
  })

  it('however long it is asked to wait, the last attempt is the last', () => {
    expect(after(new TransientError('busy', '', { retryAfterSeconds: 5 }), 4).kind).toBe('dead-letter')
  })

  it.each([1, 4, 40])('what was not even tried counts no attempt, at attempt %i too', (attempt) => {
    const untried = { kind: 'retry', waitMs: 1_000, isCounted: false }
    expect(after(crowded, attempt)).toEqual({ ...untried, usesPatience: false })
    expect(after(leftAlone, attempt)).toEqual({ ...untried, usesPatience: true })
  })

  describe('with a patience of its own', () => {
    const hours: Patience = { waitsMs: [1_000, 60_000], forMs: 7_200_000 }

    it('repeats the last wait for as long as that lasts', () => {
      expect(after(busy, 50, { forMs: 7_199_999, patience: hours })).toMatchObject({ kind: 'retry', waitMs: 60_000 })
      expect(after(busy, 2, { forMs: 7_200_000, patience: hours }).kind).toBe('dead-letter')
    })

    it('gives up what was never tried as well, since the outside world did not serve; not what waits for its turn', () => {
      expect(after(leftAlone, 1, { forMs: 7_200_000, patience: hours }).kind).toBe('dead-letter')
      expect(after(crowded, 1, { forMs: 7_200_000, patience: hours }).kind).toBe('retry')
    })

    it('is tried until it is done when there is no end to it', () => {
      const patience: Patience = { waitsMs: [1_000] }
      expect(after(busy, 1_000_000, { forMs: 1e12, patience })).toMatchObject({ kind: 'retry' })
      expect(after(new PermanentError('no', ''), 1, { patience }).kind).toBe('dead-letter')
    })
  })

  it.each<[string, Patience, forMs: number]>([
    ['attempts', DEFAULT_PATIENCE, 600_000],
    ['a time that is shorter', { waitsMs: [1_000], forMs: 60_000, attemptsMax: 4 }, 600_000],
    ['a time that is longer', { waitsMs: [1_000], forMs: 7_200_000 }, 7_200_000],
  ])('what is interrupted counts no attempt, and ends by time; where patience is %s', (_, own, forMs) => {
    const patience = patienceWith(interrupted, own)
    const untried = { kind: 'retry', waitMs: 1_000, isCounted: false, usesPatience: true }
    expect(after(interrupted, 40, { forMs: forMs - 1, patience })).toEqual(untried)
    expect(after(interrupted, 1, { forMs, patience }).kind).toBe('dead-letter')
    expect(patienceWith(busy, own)).toBe(own)
  })

  it('what is due until it is done is so when it is interrupted', () => {
    const patience = patienceWith(interrupted, { waitsMs: [1_000] })
    expect(after(interrupted, 40, { forMs: 1e12, patience })).toMatchObject({ kind: 'retry', isCounted: false })
  })

  it('names a driver’s own code', () => {
    const error = Object.assign(new Error('no such column'), { code: 'SQLITE_ERROR' })
    expect(after(error, 4)).toMatchObject({ reason: 'gave up after 4 attempts: SQLITE_ERROR: no such column' })
  })
})

describe('attemptOf', () => {
  it.each([
    [undefined, 1],
    [3, 3],
    ['2', 2],
    [0, 1],
    [-1, 1],
    [1.5, 1],
    ['many', 1],
    [99, 4],
  ])('reads %j as %i: whoever forged it gets the first or the last one', (attempt, expected) => {
    expect(attemptOf({ attempt })).toBe(expected)
  })
})

describe('the history', () => {
  it('has the last ten attempts, each with what it failed with', () => {
    const attempts = Array.from({ length: 12 }, (_, index) => index + 1)
    const history = attempts.reduce<ReturnType<typeof historyWith>>(
      (before, attempt) => historyWith(before, busy, { at, attempt }),
      [],
    )
    expect(history.map(({ attempt }) => attempt)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
    expect(history[0]).toEqual({ at, attempt: 3, error: 'busy: not now' })
  })

  it.each([undefined, 7, '{', '{}', '[1]', '[null]'])('of a foreign header is empty: %j', (history) => {
    expect(historyOf({ history })).toEqual([])
  })
})
