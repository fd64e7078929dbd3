// What is kept of a delivery changes with what becomes of it, and with what operators do.
import { describe, expect, it } from 'vitest'
import { TransientError } from '../../runtime/errors.ts'
import {
  GivenUpError,
  givenUp,
  hastened,
  type Kept,
  keptAfter,
  keptForSuccessor,
  keptOf,
  patienceUsedMs,
} from '../kept.ts'
import { remedyFor } from '../recoverability.ts'

const now = '2026-11-21T08:30:00.000Z'
const properties = { type: 'payment.void', headers: {} }
const untried = keptOf(
  'payment.queue',
  { exchange: '', routingKey: 'payment.queue', body: Buffer.from('{}'), properties },
  now,
)

describe('what an operator gives up', () => {
  it.each<[string, Partial<Kept>, boolean]>([
    ['was never tried', {}, true],
    ['the outside world failed', { attempts: 2, code: 'gateway_unavailable', isOutside: true }, true],
    ['failed by a fault of ours', { attempts: 2, code: 'broken' }, false],
    ['has ended the process that tried it', { attempts: 1 }, false],
  ])('%s: whether its handler is asked', (_, more, isAsked) => {
    const after = givenUp({ ...untried, ...more }, now)
    expect(after).toMatchObject({ dueAt: now, endsAt: now, code: 'given_up' })
    expect(new GivenUpError({ ...after, attempts: after.attempts + 1 }).isOutside).toBe(isAsked)
  })
})

describe('patience', () => {
  const START = Date.parse(now)
  const patience = { waitsMs: [1_000] as const, forMs: 10_000 }
  const busy = new TransientError('busy', 'not now', { isOutside: true })
  const leftAlone = new TransientError('breaker_open', 'left alone', { isUntried: true, isOutside: true })
  const crowded = new TransientError('crowded', 'others first', { isUntried: true })

  /** What becomes of it when it fails so after so many seconds; undefined once it is given up. */
  function walk(...failures: [afterSeconds: number, error: Error][]): Kept | undefined {
    let kept: Kept | undefined = untried
    for (const [seconds, error] of failures) {
      if (!kept) return undefined
      const [nowMs, attempt] = [START + seconds * 1_000, kept.attempts + 1]
      const remedy = remedyFor(error, { attempt, forMs: patienceUsedMs(kept, nowMs) }, patience, 0)
      if (remedy.kind === 'dead-letter') kept = undefined
      else kept = keptAfter(kept, { error, history: [], patience, attempt, nowMs, ...remedy })
    }
    return kept
  }
  const at = (seconds: number) => new Date(START + seconds * 1_000).toISOString()

  it('is as long as it is from the first failure, however long it had to wait before', () => {
    expect(walk([0, crowded], [60, crowded])).toMatchObject({ endsAt: null, keptAt: at(0), dueAt: at(61) })
    expect(walk([0, crowded], [60, busy])).toMatchObject({ endsAt: at(70), keptAt: at(60), dueAt: at(61) })
    expect(walk([0, crowded], [60, busy], [69, busy])).toMatchObject({ endsAt: at(70), dueAt: at(70) })
    expect(walk([0, crowded], [60, busy], [70, busy])).toBeUndefined()
  })

  it('begins anew with the first failure of what had waited for a version that knows it', () => {
    const unknown = { code: 'unknown_version', message: 'this version knows 1' }
    const waiting = keptForSuccessor(untried, unknown, 'urn:orders:payment.void:2', at(600))
    const tried = hastened(waiting, at(500))
    expect(tried).toEqual({ ...waiting, dueAt: at(500) })
    const nowMs = START + 500_000
    const remedy = remedyFor(busy, { attempt: 1, forMs: patienceUsedMs(tried, nowMs) }, patience, 0)
    if (remedy.kind === 'dead-letter') throw new Error('it was given up')
    const after = keptAfter(tried, { error: busy, history: [], patience, attempt: 1, nowMs, ...remedy })
    expect(after).toMatchObject({ keptAt: at(500), endsAt: at(510), waitsFor: null })
  })

  it('is used by an outside world that does not serve, from the first time, and ends with it', () => {
    expect(walk([0, leftAlone], [9, leftAlone])).toMatchObject({ endsAt: at(10), dueAt: at(10) })
    expect(walk([0, leftAlone], [10, leftAlone])).toBeUndefined()
  })

  it('is not ended by what waits for its turn, and the turn is waited for', () => {
    expect(walk([0, busy], [60, crowded])).toMatchObject({ endsAt: at(10), dueAt: at(61) })
    expect(walk([0, busy], [60, crowded], [61, busy])).toBeUndefined()
  })
})
