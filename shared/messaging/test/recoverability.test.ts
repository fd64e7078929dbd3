// What becomes of a failure: the whole table, and what a failed copy says of it.
import { describe, expect, it } from 'vitest'
import { BrokenError, PermanentError, RejectedError, TransientError } from '../../runtime/errors.ts'
import {
  ATTEMPTS_MAX,
  attemptOf,
  failureHeaders,
  historyOf,
  remedyFor,
  waitLeftMs,
  withoutBrokerHeaders,
} from '../recoverability.ts'

const at = '2026-11-21T08:00:00.000Z'
const failure = (error: Error, attempt = 1) => ({
  error,
  attempt,
  queue: 'order.queue',
  service: 'order-service',
  version: '1',
  at,
})

describe('remedyFor', () => {
  it.each([
    [1, { kind: 'retry', room: '1s', waitMs: 1_000, nextAttempt: 2 }],
    [2, { kind: 'retry', room: '5s', waitMs: 5_000, nextAttempt: 3 }],
    [3, { kind: 'retry', room: '30s', waitMs: 30_000, nextAttempt: 4 }],
    [4, { kind: 'dead-letter', reason: 'gave up after 4 attempts: busy: not now' }],
    [5, { kind: 'dead-letter', reason: 'gave up after 5 attempts: busy: not now' }],
  ])(
    'sends a passing failure at attempt %i to the next room, and after the last to the dead letters',
    (attempt, remedy) => {
      expect(remedyFor(new TransientError('busy', 'not now'), attempt)).toEqual(remedy)
    },
  )

  it.each([1, 2, 3, 4])('gives a permanent failure up at once, at attempt %i too', (attempt) => {
    expect(remedyFor(new PermanentError('no', 'never'), attempt)).toEqual({ kind: 'dead-letter', reason: 'no: never' })
  })

  it.each([new Error('?'), new TypeError('?'), new RejectedError(409, 'taken', '?'), new BrokenError('bug', '?')])(
    'takes %s for one that may pass',
    (error) => {
      expect(remedyFor(error, 1)).toEqual({ kind: 'retry', room: '1s', waitMs: 1_000, nextAttempt: 2 })
    },
  )

  it.each([1, 2, 3, ATTEMPTS_MAX])('counts no attempt for an outage of our own, at attempt %i too', (attempt) => {
    const outage = new TransientError('database_unavailable', 'away', { isOutage: true })
    expect(remedyFor(outage, attempt)).toEqual({ kind: 'retry', room: '5s', waitMs: 5_000, nextAttempt: attempt })
  })

  it.each([
    [1, 0.2, '1s', 1_000],
    [1, 4, '5s', 4_000],
    [2, 4, '5s', 5_000],
    [1, 6, '30s', 6_000],
    [2, 120, '30s', 120_000],
    [1, 1_000_000, '30s', 3_600_000],
  ] as const)(
    'at attempt %i, asked to wait %d s, waits in the %s room until %i ms are over',
    (attempt, seconds, room, waitMs) => {
      const error = new TransientError('busy', 'not now', { retryAfterSeconds: seconds })
      expect(remedyFor(error, attempt)).toEqual({ kind: 'retry', room, waitMs, nextAttempt: attempt + 1 })
    },
  )

  it('however long it is asked to wait, the last attempt is the last', () => {
    expect(remedyFor(new TransientError('busy', '', { retryAfterSeconds: 5 }), ATTEMPTS_MAX).kind).toBe('dead-letter')
  })

  it.each([1, ATTEMPTS_MAX])('what was not even tried stays attempt %i', (attempt) => {
    const error = new TransientError('crowded', '', { isUntried: true })
    expect(remedyFor(error, attempt)).toEqual({ kind: 'retry', room: '1s', waitMs: 1_000, nextAttempt: attempt })
    const patient = new TransientError('crowded', '', { isUntried: true, retryAfterSeconds: 90 })
    expect(remedyFor(patient, attempt)).toMatchObject({ room: '30s', waitMs: 90_000, nextAttempt: attempt })
  })

  it('names a driver’s own code', () => {
    const error = Object.assign(new Error('disk full'), { code: 'SQLITE_FULL' })
    expect(remedyFor(error, ATTEMPTS_MAX)).toMatchObject({ reason: 'gave up after 4 attempts: SQLITE_FULL: disk full' })
  })
})

describe('waitLeftMs', () => {
  const now = new Date(at)
  it.each<[unknown, number]>([
    [undefined, 0],
    ['soon', 0],
    [{}, 0],
    ['2026-11-21T07:59:59.000Z', 0],
    ['2026-11-21T08:01:00.000Z', 60_000],
    ['9999-11-21T08:01:00.000Z', 3_600_000],
  ])('of a message that is not to be handled before %j is %i', (notBefore, expected) => {
    expect(waitLeftMs({ 'not-before': notBefore }, now)).toBe(expected)
  })

  it.each<[unknown, number]>([
    [30_000, 30_000],
    [90_000, 60_000],
    [0, 0],
    [-1, 0],
    ['many', 0],
  ])('of a message that is to wait a minute by the clock and %j ms by its own account is %i', (left, expected) => {
    expect(waitLeftMs({ 'not-before': '2026-11-21T08:01:00.000Z', 'wait-ms': left }, now)).toBe(expected)
  })
})

describe('attemptOf', () => {
  it.each<[unknown, number]>([
    [undefined, 1],
    [null, 1],
    [1, 1],
    [3, 3],
    ['2', 2],
    [0, 1],
    [-7, 1],
    [1.5, 1],
    [1_000_000, ATTEMPTS_MAX],
    [Number.POSITIVE_INFINITY, 1],
    [Number.NaN, 1],
    ['many', 1],
    [{}, 1],
    [true, 1],
  ])('reads %j as attempt %i, so that no header buys endless attempts', (attempt, expected) => {
    expect(attemptOf({ attempt })).toBe(expected)
  })
})

describe('failureHeaders', () => {
  it('say what failed, where and when, and keep what came with the message', () => {
    const error = new PermanentError('no', 'never')
    const headers = failureHeaders({ traceparent: 'trace', 'causation-id': 'cause', attempt: 2 }, failure(error, 2))
    expect(headers).toEqual({
      traceparent: 'trace',
      'causation-id': 'cause',
      attempt: 2,
      queue: 'order.queue',
      service: 'order-service',
      'service-version': '1',
      'failed-at': at,
      'error-code': 'no',
      'error-message': 'never',
      'error-stack': error.stack,
      history: JSON.stringify([{ at, attempt: 2, error: 'no: never' }]),
    })
  })

  it('leave out what the broker keeps its own accounts in, and nothing else', () => {
    const own = { 'x-custom': 'kept', 'x-deadline': 'kept', traceparent: 'kept' }
    const broker = {
      'x-death': [{ queue: 'retry.1s.queue' }],
      'x-first-death-queue': 'q',
      'x-first-death-reason': 'expired',
      'x-first-death-exchange': '',
      'x-last-death-queue': 'q',
      'x-last-death-reason': 'expired',
      'x-last-death-exchange': '',
      'x-delivery-count': 3,
      'x-acquired-count': 3,
      'x-opt-deaths': [],
    }
    expect(withoutBrokerHeaders({ ...own, ...broker })).toEqual(own)
    expect(Object.keys(failureHeaders({ ...own, ...broker }, failure(new Error('?'))))).not.toContain('x-death')
  })

  it('gather the attempts, the last ten of them', () => {
    let headers = {}
    for (let attempt = 1; attempt <= 25; attempt++)
      headers = failureHeaders(headers, failure(new TransientError('busy', 'x'.repeat(5_000)), attempt))

    const history = historyOf(headers)
    expect(history.map(({ attempt }) => attempt)).toEqual([16, 17, 18, 19, 20, 21, 22, 23, 24, 25])
    expect(JSON.stringify(headers).length).toBeLessThan(10_000)
  })

  it('are bounded, however long the error speaks', () => {
    const error = new Error('m'.repeat(100_000))
    error.stack = 's'.repeat(100_000)
    const headers = failureHeaders({}, failure(error))
    expect(headers['error-message']).toHaveLength(1_000)
    expect(headers['error-stack']).toHaveLength(4_000)
  })

  it('drop foreign headers that would not fit into AMQP’s frame again', () => {
    const headers = failureHeaders({ attempt: 2, monster: 'x'.repeat(60_000) }, failure(new Error('?')))
    expect(headers).not.toHaveProperty('monster')
    expect(headers).toMatchObject({ attempt: 2, 'headers-dropped': expect.stringContaining('bytes of headers') })
  })

  it.each(['not json', '{}', '[1, null, {"at": 1}]', 7, null])('survive a foreign history header: %j', (history) => {
    expect(historyOf({ history })).toEqual([])
    expect(historyOf(failureHeaders({ history }, failure(new Error('?'))))).toHaveLength(1)
  })
})
