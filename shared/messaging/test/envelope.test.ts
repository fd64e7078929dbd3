// The envelope: what breaks its contract is never recorded, and what cannot be understood is refused with a reason.
import fc from 'fast-check'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { contractsOf } from '../../contracts/definition/contract.ts'
import { knownTo } from '../../contracts/definition/hearing.ts'
import { InventoryReserved, type Message, OrderCreated, PaymentDeadline, registry } from '../../contracts/index.ts'
import { created, NOW, reserved } from '../../handling/test/kernel.ts'
import { BODY_MAX_BYTES, decode, decodeEnvelope, encode } from '../envelope.ts'
import type { Arrived } from '../publishable.ts'

const deliveryOf = (body: Buffer | string | object): Arrived => ({
  body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
  properties: { headers: {} },
  exchange: '',
  routingKey: '',
  redelivered: false,
})

const message = created('order-1')
const publication = encode(registry, message, 'order-service', { causationId: 'request-7' })
const envelope: Record<string, unknown> = JSON.parse(publication.body.toString())
const changed = (change: object) => deliveryOf({ ...envelope, ...change })

describe('encode', () => {
  it('writes a CloudEvent whose attributes are mirrored in the properties', () => {
    expect(envelope).toEqual({
      specversion: '1.0',
      id: 'order-1/order.created',
      source: '/order-service',
      type: 'order.created',
      subject: 'order-1',
      time: NOW,
      datacontenttype: 'application/json',
      dataschema: 'urn:orders:order.created:1',
      data: message.data,
    })
    expect(publication).toMatchObject({
      exchange: 'order.exchange',
      routingKey: 'order.created',
      properties: {
        messageId: 'order-1/order.created',
        type: 'order.created',
        appId: 'order-service',
        timestamp: Date.parse(NOW) / 1000,
        correlationId: 'order-1',
        contentType: 'application/cloudevents+json',
        priority: 4,
        headers: { 'causation-id': 'request-7', attempt: 1, traceparent: expect.stringMatching(/^00-/) },
      },
    })
    expect(publication.properties).not.toHaveProperty('expirationMs')
  })

  it('gives a timer its expiration and a message its priority', () => {
    const timer = PaymentDeadline.of('order-1', NOW, {}, { delayMs: 900_000, priority: 8 })
    expect(encode(registry, timer, 'payment-service', {})).toMatchObject({
      exchange: '',
      routingKey: 'payment.deadline.queue',
      properties: { expirationMs: 900_000, priority: 8 },
    })
  })

  const broken: [string, Message][] = [
    ['a field out of bounds', reserved('order-1', -1)],
    ['a missing field', { ...message, data: { user: 'gayal' } }],
    ['an unknown type', { ...message, type: 'order.exploded' }],
    ['an unknown version', { ...message, version: 2 }],
    ['no subject', { ...message, subject: '' }],
    ['a time that is none', { ...message, time: 'tomorrow' }],
    ['a time that does not exist', { ...message, time: '2026-13-45T00:00:00Z' }],
    ['an id too long for AMQP', { ...message, id: `${'ö'.repeat(128)}` }],
    ['a subject too long for AMQP', { ...message, subject: 'ö'.repeat(128) }],
    ['a routing key too long for AMQP', { ...message, routingKey: 'x'.repeat(256) }],
    ['a priority that is none', { ...message, priority: 1.5 }],
    ['a priority beyond AMQP’s', { ...message, priority: 256 }],
    ['an expiration the broker would refuse', { ...message, expirationMs: 0.5 }],
    ['an expiration before now', { ...message, expirationMs: -1 }],
    ['an expiration beyond the broker’s', { ...message, expirationMs: 2 ** 32 }],
    [
      'a body no consumer would take',
      {
        ...reserved('order-1'),
        data: {
          ...(reserved('order-1').data as object),
          lines: Array(30_000).fill({ sku: 'item1', quantity: 1, unitPriceCents: 1 }),
        },
      },
    ],
  ]
  it.each(broken)('refuses %s for good, before it is recorded', (_, faulty) => {
    expect(() => encode(registry, faulty, 'order-service', {})).toThrow(
      expect.objectContaining({ name: 'PermanentError', code: 'invalid_message' }),
    )
  })

  it('names every fault of a message', () => {
    const faulty = { ...message, data: { user: '', priority: 'urgent', lines: [] } }
    expect(() => encode(registry, faulty, 'order-service', {})).toThrow(/\/data\/user.*\/data\/priority.*\/data\/lines/)
  })
})

describe('decode', () => {
  it('gives back what was encoded', () => {
    const { id, type, subject, time, data } = message
    expect(decode(registry, deliveryOf(publication.body))).toEqual({
      id,
      type,
      subject,
      time,
      data,
      source: '/order-service',
    })
  })

  it('reads what only looks like half a character', () => {
    const data = { ...(message.data as object), note: '\\ud800 \\u0000 😀' }
    expect(decode(registry, changed({ data })).data).toEqual(data)
  })

  it('ignores fields it does not know, in the envelope and in the data', () => {
    const data = { ...(message.data as object), giftWrap: true }
    expect(decode(registry, changed({ data, partitionkey: 'eu' }))).toMatchObject({ id: 'order-1/order.created', data })
  })

  const refused: [string, string, Arrived][] = [
    ['too_large', 'a body beyond the limit', deliveryOf(Buffer.alloc(BODY_MAX_BYTES + 1, ' '))],
    ['undecodable', 'an empty body', deliveryOf('')],
    ['undecodable', 'half a body', deliveryOf('{"specversion":"1.0"')],
    ['undecodable', 'bytes that are no text', deliveryOf(Buffer.from([0xff, 0xfe, 0x00]))],
    ['undecodable', 'a nesting too deep to read', deliveryOf('['.repeat(500_000))],
    ['undecodable', 'bytes of latin-1', deliveryOf(Buffer.from('{"user":"J\u00fcrgen"}', 'latin1'))],
    ['undecodable', 'half a character in its id', changed({ id: 'x\ud800' })],
    ['undecodable', 'half a character deep in its data', changed({ data: { a: [{ b: '\udc00x' }] } })],
    ['undecodable', 'half a character in the name of a field', changed({ data: { '\ud800': 1 } })],
    ['undecodable', 'a character that no database keeps', changed({ subject: 'a\u0000b' })],
    ['undecodable', 'an array', deliveryOf('[]')],
    ['undecodable', 'null', deliveryOf('null')],
    ['undecodable', 'a number', deliveryOf('7')],
    ['not_a_cloudevent', 'no attributes', deliveryOf({})],
    ['not_a_cloudevent', 'another specversion', changed({ specversion: '0.3' })],
    ['not_a_cloudevent', 'a specversion as a number', changed({ specversion: 1 })],
    ['not_a_cloudevent', 'no id', changed({ id: undefined })],
    ['not_a_cloudevent', 'an empty id', changed({ id: '' })],
    ['not_a_cloudevent', 'an id as a number', changed({ id: 7 })],
    ['not_a_cloudevent', 'an endless id', changed({ id: 'x'.repeat(401) })],
    ['not_a_cloudevent', 'no subject', changed({ subject: undefined })],
    ['not_a_cloudevent', 'a time that is none', changed({ time: 'yesterday' })],
    ['unknown_type', 'another’s type', changed({ type: 'order.exploded' })],
    ['unknown_type', 'a type of JavaScript’s own', changed({ type: '__proto__' })],
    ['unknown_version', 'a newer version', changed({ dataschema: 'urn:orders:order.created:2' })],
    ['unknown_version', 'no version', changed({ dataschema: undefined })],
    ['invalid_data', 'no data', changed({ data: undefined })],
    ['invalid_data', 'a missing field', changed({ data: { user: 'gayal' } })],
    ['invalid_data', 'a field of another type', changed({ data: { ...(message.data as object), lines: 'item1' } })],
    ['invalid_data', 'a time not in UTC', changed({ time: '2026-11-21T08:00:00+01:00' })],
  ]
  it.each(refused)('refuses as %s: %s', (code, _, delivery) => {
    expect(() => decode(registry, delivery)).toThrow(expect.objectContaining({ name: 'PermanentError', code }))
  })

  it('repeats no more of a strange message than people need', () => {
    const thrown = (() => {
      try {
        decode(registry, changed({ dataschema: 'x'.repeat(500_000) }))
      } catch (error) {
        return error instanceof Error ? error.message : ''
      }
    })()
    expect(thrown?.length).toBeLessThan(2_000)
  })

  it('takes a body of just the limit', () => {
    const padded = Buffer.alloc(BODY_MAX_BYTES, ' ')
    publication.body.copy(padded)
    expect(decode(registry, deliveryOf(padded))).toMatchObject({ id: 'order-1/order.created' })
  })
})

describe('decodeEnvelope', () => {
  it('reads any type and version, for whoever keeps every message', () => {
    const future = { type: 'order.exploded', dataschema: 'urn:orders:order.exploded:9', data: { any: 'thing' } }
    expect(decodeEnvelope(changed(future))).toMatchObject({ type: 'order.exploded', data: { any: 'thing' } })
  })

  it.each(['', '[]', '{}'])('still refuses what is no CloudEvent: %j', (body) => {
    expect(() => decodeEnvelope(deliveryOf(body))).toThrow(expect.objectContaining({ name: 'PermanentError' }))
  })
})

describe('a contract that has changed', () => {
  const { event } = contractsOf('test')
  const Renamed = event('thing.renamed', {
    version: 3,
    summary: 'A thing has a new name.',
    data: Type.Object({ name: Type.String(), by: Type.String() }),
    earlier: [
      {
        version: 2,
        data: Type.Object({ title: Type.String(), by: Type.String() }),
        up: ({ title, by }: { title: string; by: string }) => ({ name: title, by }),
      },
      {
        version: 1,
        data: Type.Object({ title: Type.String() }),
        up: ({ title }: { title: string }) => ({ name: title, by: 'unknown' }),
      },
    ],
  })
  const own = { contracts: new Map([[Renamed.type, Renamed]]), rpcs: [], sources: new Set<string>() }
  const said = (version: number, data: object) => {
    const { body } = encode(own, Renamed.of('t1', NOW, { name: 'n', by: 'b' }), 'test', {})
    return deliveryOf({ ...JSON.parse(body.toString()), dataschema: `urn:test:thing.renamed:${version}`, data })
  }

  it.each([
    [3, { name: 'new', by: 'ann' }, { name: 'new', by: 'ann' }],
    [2, { title: 'new', by: 'ann' }, { name: 'new', by: 'ann' }],
    [1, { title: 'new' }, { name: 'new', by: 'unknown' }],
  ])('is read in version %i as the newest', (version, data, read) => {
    expect(decode(own, said(version, data)).data).toEqual(read)
  })

  it.each([
    ['unknown_version', said(4, { name: 'new', by: 'ann' })],
    ['invalid_data', said(1, { name: 'new' })],
    ['invalid_data', said(3, { title: 'new' })],
  ])('is refused as %s where it is none of them, or not as they were', (code, delivery) => {
    expect(() => decode(own, delivery)).toThrow(expect.objectContaining({ code }))
  })

  it('is said in its newest version only, and known in all', () => {
    const old = { ...Renamed.of('t1', NOW, { name: 'n', by: 'b' }), version: 2 }
    expect(() => encode(own, old, 'test', {})).toThrow(expect.objectContaining({ code: 'invalid_message' }))
    expect(knownTo(own, [{ handlers: [{ type: Renamed.type }, { type: '*' }] }])).toEqual(
      [3, 2, 1].map((version) => `urn:test:thing.renamed:${version}`),
    )
  })
})

describe('encoding and decoding', () => {
  const sku = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
  const line = fc.record({ sku, quantity: fc.integer({ min: 1 }), unitPriceCents: fc.maxSafeNat() })
  const user = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
  // Not the unit `binary`, which builds a table of all characters first and takes a second for it.
  const anyCharacter = fc.integer({ min: 1, max: 0xd7ff }).map((code) => String.fromCharCode(code))
  const data = fc.record({
    user,
    priority: fc.constantFrom('standard' as const, 'express' as const),
    lines: fc.array(line, { maxLength: 20 }),
    totalCents: fc.maxSafeNat(),
    shippingAddress: fc.option(fc.string({ unit: anyCharacter, maxLength: 100 }), { nil: undefined }),
  })

  it('changes nothing, whatever the data', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{1,64}$/), data, (orderId, content) => {
        const sent = InventoryReserved.of(orderId, NOW, content)
        const received = decode(registry, deliveryOf(encode(registry, sent, 'inventory-service', {}).body))
        expect(received).toEqual({
          id: sent.id,
          type: sent.type,
          subject: orderId,
          time: NOW,
          source: '/inventory-service',
          data: JSON.parse(JSON.stringify(content)),
        })
      }),
    )
  })

  it('refuses or reads, and never fails otherwise, whatever arrives', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.json(),
          fc.string(),
          fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        ),
        (body) => {
          try {
            decode(registry, deliveryOf(body))
          } catch (error) {
            expect(error).toMatchObject({ name: 'PermanentError' })
          }
        },
      ),
    )
    expect(() => decode(registry, changed({ dataschema: { toString: false } }))).toThrow(
      /dataschema is \{"toString":false\}/,
    )
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(envelope)), fc.jsonValue(), (key, value) => {
        try {
          expect(decode(registry, changed({ [key]: value })).type).toBe(OrderCreated.type)
        } catch (error) {
          expect(error).toMatchObject({ name: 'PermanentError' })
        }
      }),
    )
  })
})
