// The copy that takes a failed delivery's place: same bytes, the way back, and nothing that would make it vanish.
import { describe, expect, it } from 'vitest'
import { topology } from '../../contracts/index.ts'
import { PermanentError, TransientError } from '../../runtime/errors.ts'
import { route } from '../../testing/index.ts'
import { deadCopy, stillWaitingCopy, waitingCopy } from '../failed-copy.ts'
import { waitLeftMs } from '../recoverability.ts'

const failed = {
  delivery: {
    body: Buffer.from([0, 255, 1]),
    properties: {
      messageId: 'm',
      priority: 8,
      expirationMs: 50,
      replyTo: 'somebody',
      headers: { 'x-death': [], kept: 1, attempt: 2, 'not-before': '2026-11-21T07:59:00.000Z', 'wait-ms': 7 },
    },
    exchange: 'order.exchange',
    routingKey: 'order.created',
    redelivered: true,
    ack: () => undefined,
  },
  queue: 'payment.queue',
  error: new TransientError('busy', 'not now'),
  attempt: 2,
  at: '2026-11-21T08:00:00.000Z',
  service: 'payment-service',
  version: '1',
}

describe.each([
  ['waiting', waitingCopy(failed, { room: '5s', waitMs: 5_000, nextAttempt: 3 }), 'retry.5s.queue', 3],
  ['still waiting', stillWaitingCopy(failed, { room: '30s', waitMs: 29_999 }), 'retry.30s.queue', 2],
  ['dead', deadCopy({ ...failed, error: new PermanentError('no', 'never') }), 'payment.dlq', 2],
] as const)('a %s copy', (_, copy, target, attempt) => {
  it('has the bytes, what told it apart, and the queue it belongs to', () => {
    expect(copy.body).toBe(failed.delivery.body)
    expect(copy.routingKey).toBe('payment.queue')
    expect(copy.properties).toMatchObject({ messageId: 'm', priority: 8, headers: { kept: 1, attempt } })
    expect([...route(topology, copy.exchange, copy.routingKey, copy.properties.headers)]).toEqual([target])
  })

  it('neither expires, nor is answered, nor looks to the broker as if it went in a circle', () => {
    expect(copy.properties).not.toHaveProperty('expirationMs')
    expect(copy.properties).not.toHaveProperty('replyTo')
    expect(copy.properties.headers).not.toHaveProperty('x-death')
  })
})

describe('the time before which it is not to be handled', () => {
  it('goes with a copy that waits longer than its room, and with no other', () => {
    const long = { room: '30s', waitMs: 90_000 } as const
    const short = { room: '30s', waitMs: 30_000 } as const
    const copies = [
      waitingCopy(failed, { ...long, nextAttempt: 3 }),
      stillWaitingCopy(failed, long),
      waitingCopy(failed, { ...short, nextAttempt: 3 }),
      stillWaitingCopy(failed, short),
      deadCopy(failed),
    ]
    const until = '2026-11-21T08:01:30.000Z'
    expect(copies.map(({ properties }) => properties.headers['not-before'])).toEqual([until, until, ...Array(3)])
    expect(copies.map(({ properties }) => properties.headers['wait-ms'])).toEqual([60_000, 60_000, ...Array(3)])
  })

  it('comes after as many rooms as the wait is long, though the clock was set back by an hour meanwhile', () => {
    let copy = waitingCopy(failed, { room: '30s', waitMs: 90_000, nextAttempt: 3 })
    const at = '2026-11-21T07:00:00.000Z'
    const leftMs = () => waitLeftMs(copy.properties.headers, new Date(at))
    let rooms = 1
    for (; leftMs() > 0 && rooms < 10; rooms++) {
      const failedAgain = { ...failed, delivery: { ...failed.delivery, ...copy }, at }
      copy = stillWaitingCopy(failedAgain, { room: '30s', waitMs: leftMs() })
    }
    expect(rooms).toBe(3)
  })
})
