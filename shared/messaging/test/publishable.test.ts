// What is published again can be encoded, whatever arrived.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Properties } from '../broker.ts'
import { cut, publishable } from '../publishable.ts'
import { encoded, FRAME_MAX } from './encoding.ts'

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

  it('loses the last of its headers where they do not fit, and counts them however often it is published', () => {
    const many = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`h${index}`, 'x'.repeat(40)]))
    const once = publishable({ headers: { attempt: 1, ...many } }).headers
    const again = publishable({ headers: { ...once, 'sent-again-of': 'a'.repeat(32) } }).headers
    expect(again).toMatchObject({ attempt: 1, 'sent-again-of': 'a'.repeat(32), h0: 'x'.repeat(40) })
    const left = Object.keys(again).filter((name) => /^h\d/.test(name)).length
    expect(left).toBeGreaterThan(300)
    expect(again['headers-dropped']).toBe(600 - left)
  })

  it('does not trip over a count that is a table without a way to become a number', () => {
    const headers = { 'headers-dropped': { toString: false, valueOf: false }, nothing: null }
    expect(publishable({ headers }).headers).toEqual({ 'headers-dropped': 1 })
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
