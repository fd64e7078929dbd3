// What is published again can be encoded, whatever arrived; and a dead copy tells why.
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { topology } from '../../contracts/index.ts'
import { PermanentError } from '../../runtime/errors.ts'
import { route } from '../../testing/index.ts'
import { toAmqp } from '../amqp.ts'
import type { Properties } from '../broker.ts'
import { deadCopy } from '../bury.ts'
import { cut, publishable } from '../publishable.ts'

/** amqplib's own encoder, which throws for what AMQP has no form for. */
const require = createRequire(import.meta.url)
const { BasicProperties, encodeProperties } = require(join(dirname(require.resolve('amqplib')), 'lib', 'defs.js'))
const encoded = (properties: Properties): Buffer => encodeProperties(BasicProperties, 1, 0, toAmqp(properties))
const FRAME_MAX = 131_072

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 400 }),
  fc.string({ maxLength: 400 }),
  fc.constant('\ufffd'.repeat(255)),
)
/** Every type that a header of AMQP can have, as amqplib gives it. */
const field = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.boolean(),
    fc.integer(),
    fc.double(),
    fc.bigInt(),
    fc.constant(null),
    fc.constant(undefined),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    fc.record({ '!': fc.constantFrom('timestamp', 'decimal', 'float', 'nonsense'), value: fc.anything() }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(text, tie('value'), { maxKeys: 5 }),
  ),
})).value
const name = fc.oneof(
  text,
  fc.constantFrom('!', 'CC', 'BCC', 'cc', 'x-death', 'x-first-death-queue', 'attempt', '__proto__'),
)
const properties: fc.Arbitrary<Properties> = fc.record(
  {
    messageId: text,
    type: text,
    appId: text,
    correlationId: text,
    contentType: text,
    replyTo: text,
    timestamp: fc.oneof(fc.integer(), fc.double(), fc.constant(Number.MAX_SAFE_INTEGER)),
    priority: fc.oneof(fc.integer(), fc.double({ noNaN: true })),
    expirationMs: fc.integer(),
    headers: fc.dictionary(name, field, { maxKeys: 40 }),
  },
  { requiredKeys: ['headers'] },
)

describe('publishable', () => {
  it('can be encoded, within a frame, whatever arrived', () => {
    fc.assert(
      fc.property(properties, (arrived) => {
        expect(encoded(publishable(arrived)).length).toBeLessThan(FRAME_MAX / 2)
      }),
      { numRuns: 2_000 },
    )
  })

  it('is the same when it is done again', () => {
    fc.assert(
      fc.property(properties, (arrived) => {
        const once = publishable(arrived)
        expect(publishable(once)).toEqual(once)
      }),
    )
  })

  it('can be encoded where what arrived cannot', () => {
    const arrived: Properties[] = [
      { messageId: '\ufffd'.repeat(100), headers: {} },
      { headers: { odd: { '!': 'nonsense', value: 1 } } },
      { headers: { '!': 'timestamp' } },
      { headers: Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`h${index}`, 'x'.repeat(4_000)])) },
    ]
    for (const one of arrived) expect(() => encoded(publishable(one))).not.toThrow()
    expect(() => encoded(arrived[0] ?? { headers: {} })).toThrow()
  })

  it('has nothing that would route it to further queues, nor of the broker’s accounts', () => {
    const headers = { CC: ['payment.queue'], BCC: ['shipping.queue'], 'x-death': [{}], 'x-delivery-count': 3, kept: 1 }
    expect(publishable({ headers }).headers).toEqual({ kept: 1 })
  })

  it('neither expires nor is answered', () => {
    expect(publishable({ expirationMs: 50, replyTo: 'somebody', headers: {} })).toEqual({ headers: {} })
  })

  it('puts in words what only a table, a list or bytes would say', () => {
    const headers = { list: [1, 'a'], table: { a: { b: null } }, big: 2n ** 70n, nothing: null }
    expect(publishable({ headers: { ...headers, big: { n: headers.big } } }).headers).toEqual({
      list: '[1,"a"]',
      table: '{"a":{"b":null}}',
      big: '{"n":"1180591620717411303424"}',
      'headers-dropped': 1,
    })
  })

  it('tells long ids apart that begin alike', () => {
    const id = 'x'.repeat(300)
    const [one, other] = [
      publishable({ messageId: `${id}1`, headers: {} }),
      publishable({ messageId: `${id}2`, headers: {} }),
    ]
    expect(one.messageId).toMatch(/^sha256:[0-9a-f]{64}$/)
    expect(one.messageId).not.toBe(other.messageId)
  })
})

describe('cut', () => {
  it('keeps whole characters only', () => {
    expect(cut('€uro', 4)).toBe('€u')
    expect(cut('€uro', 2)).toBe('')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.nat({ max: 60 }), (whole, bytes) => {
        expect(whole.startsWith(cut(whole, bytes))).toBe(true)
        expect(Buffer.byteLength(cut(whole, bytes))).toBeLessThanOrEqual(bytes)
      }),
    )
  })
})

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
      service: 's',
      'service-version': '1',
      'failed-at': at,
      'error-code': 'no_such_thing',
      'error-message': 'this can never work',
      'error-stack': expect.stringContaining('publishable.test.ts'),
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
