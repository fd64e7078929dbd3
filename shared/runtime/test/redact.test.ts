// What is private leaves a text wherever it stands, what is not stays, and no input makes that take long.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { redactLine, withoutPrivate } from '../redact.ts'

describe('withoutPrivate', () => {
  it.each([
    ["550 5.1.1 <Ann.O'Hara+x@Mail.example.org>: unknown user", '550 5.1.1 <[private]>: unknown user'],
    ['connect amqp://orders:s3cr3t@rabbit:5672/v failed', 'connect amqp://[private]@rabbit:5672/v failed'],
    ['amqp://u:p@ss@one,two', 'amqp://[private]@one,two'],
    ['smtp://user%40host:pass@mail.example.com:587', 'smtp://[private]@mail.example.com:587'],
    ['Authorization: Bearer abc.def-123', 'Authorization: Bearer [private]'],
    ['charge of tok_visa_4242 failed', 'charge of [private] failed'],
    ['jürgen@müller.example schrieb', '[private] schrieb'],
    ['GET /orders/ann@example.com', 'GET /orders/[private]'],
  ])('%j', (text, expected) => expect(withoutPrivate(text)).toBe(expected))

  it.each([
    '202/notification.requested/order.created',
    'connect ECONNREFUSED 127.0.0.1:9',
    'http://127.0.0.1:8080/orders?limit=5',
    'at file:///srv/node_modules/fastify/lib/x.js:1:2',
    "no queue is bound for order.created on 'order.exchange'",
  ])('leaves %j', (text) => expect(withoutPrivate(text)).toBe(text))
})

describe('redactLine', () => {
  const secret = fc.string({ unit: 'grapheme-ascii', minLength: 6, maxLength: 40 }).map((text) => `§${text}§`)
  const name = fc.constantFrom('email', 'phone', 'push', 'webhook', 'shippingAddress', 'paymentMethod', 'authorization')

  it('hides a private field at any depth and leaves the line JSON', () => {
    fc.assert(
      fc.property(secret, name, fc.nat({ max: 6 }), (value, field, depth) => {
        const inner: object = { [field]: value, kept: 'kept' }
        const fields = Array.from({ length: depth }).reduce<object>(
          (object, _, at) => ({ [`level${at}`]: object }),
          inner,
        )
        const line = redactLine(JSON.stringify(fields))
        expect(line).not.toContain(JSON.stringify(value).slice(1, -1))
        expect(JSON.stringify(JSON.parse(line))).toContain('"kept":"kept"')
      }),
    )
  })

  it('hides it in JSON that somebody put into a text, and a list of them', () => {
    const body = JSON.stringify({ contact: { phone: '+94 77 123', push: 'device' }, n: 1 })
    const line = redactLine(JSON.stringify({ why: `cannot read ${body}`, rejected: ['x', 'y'] }))
    expect(line).not.toMatch(/\+94|device|"x"/)
    expect(JSON.parse(line)).toMatchObject({ why: expect.stringContaining('cannot read'), rejected: '[private]' })
  })

  it.each([
    ['one long word', 'a'.repeat(300_000)],
    ['many at signs', 'a@'.repeat(150_000)],
    ['backslashes', '\\'.repeat(300_000)],
    ['an unfinished field', `"email":"${'\\\\'.repeat(100_000)}`],
    ['unfinished logins', '://a'.repeat(70_000)],
    ['unfinished quoted fields', '\\"email\\":\\"'.repeat(20_000)],
  ])('takes no longer than it is long: %s', (_, text) => {
    // Ten times the length may take about ten times as long; what is quadratic would not end within the test's time.
    expect(redactLine(text.repeat(3)).length).toBeGreaterThan(0)
  })
})
