// A dead copy has the message as it came, and tells why it failed.
import { describe, expect, it } from 'vitest'
import { topology } from '../../contracts/index.ts'
import { encoded, FRAME_MAX } from '../../messaging/test/encoding.ts'
import { PermanentError } from '../../runtime/errors.ts'
import { route } from '../../testing/index.ts'
import { deadCopy } from '../bury.ts'

describe('a dead copy', () => {
  const error = new PermanentError('no_such_thing', 'this can never work')
  const delivery = {
    body: Buffer.from([0, 255, 1]),
    properties: { messageId: 'm', priority: 8, headers: { kept: 1, attempt: 2, history: 'an older one' } },
    exchange: 'order.exchange',
    routingKey: 'order.created',
    redelivered: true,
  }
  const history = [{ at: '2026-11-21T08:00:00.000Z', attempt: 2, error: 'no_such_thing: this can never work' }]
  const at = '2026-11-21T08:00:01.000Z'
  const by = { service: 's', version: '1', now: () => new Date(at) }
  const copy = deadCopy(by, { delivery, queue: 'payment.queue', error, attempt: 2, history })

  it('has the bytes, what told it apart, and its queue’s dead letters as its way', () => {
    expect(copy.body).toBe(delivery.body)
    expect(copy.properties).toMatchObject({ messageId: 'm', priority: 8, headers: { kept: 1 } })
    expect([...route(topology, copy.exchange, copy.routingKey)]).toEqual(['payment.dlq'])
  })

  it('says where, when, by whom and why it failed, and each attempt', () => {
    expect(copy.properties.headers).toMatchObject({
      queue: 'payment.queue',
      'published-to': 'order.exchange',
      'published-as': 'order.created',
      service: 's',
      'service-version': '1',
      'failed-at': at,
      'error-code': 'no_such_thing',
      'error-message': 'this can never work',
      'error-stack': expect.stringContaining('bury.test.ts'),
      attempt: 2,
      history: JSON.stringify(history),
    })
  })

  it('can be encoded however long its error is', () => {
    const long = new PermanentError('x'.repeat(1_000), '€'.repeat(100_000))
    const wordy = deadCopy(by, { delivery, queue: 'payment.queue', error: long, attempt: 1, history })
    expect(encoded(wordy.properties).length).toBeLessThan(FRAME_MAX / 2)
  })
})
