// The copy that takes a failed delivery's place: same bytes, the way back, and nothing that would make it vanish.
import { describe, expect, it } from 'vitest'
import { topology } from '../../contracts/index.ts'
import { PermanentError, TransientError } from '../../runtime/errors.ts'
import { route } from '../../testing/index.ts'
import { deadCopy, waitingCopy } from '../failed-copy.ts'

const failed = {
  delivery: {
    body: Buffer.from([0, 255, 1]),
    properties: {
      messageId: 'm',
      priority: 8,
      expirationMs: 50,
      replyTo: 'somebody',
      headers: { 'x-death': [], kept: 1 },
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
  ['waiting', waitingCopy(failed, '5s', 3), 'retry.5s.queue', 3],
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
