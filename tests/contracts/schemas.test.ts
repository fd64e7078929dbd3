// Every contract keeps its own word: what it makes, it accepts, and what is sent is what is received.
import * as contracts from '@orders/shared/contracts'
import { commands, events, type Message, registry, rpcs } from '@orders/shared/contracts'
import { decode, encode } from '@orders/shared/messaging'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { arbitraryDataOf, arbitraryOf } from './arbitrary.ts'

interface Maker extends contracts.AnyContract {
  of(subject: string, time: string, data: unknown, options?: object): Message
}

const isMaker = (value: unknown): value is Maker =>
  typeof value === 'object' && value !== null && 'of' in value && 'validator' in value

const exported: unknown[] = Object.values(contracts)
const makers = exported.filter(isMaker)
const time = '2026-11-21T08:00:00.000Z'
const deliveryOf = (body: Buffer) => ({
  body,
  properties: { headers: {} },
  exchange: '',
  routingKey: '',
  redelivered: false,
  ack: () => undefined,
})

it('every contract is listed as an event or a command, under its own type', () => {
  const listed = [...events, ...commands]
  expect(listed.map(([, { type }]) => type)).toEqual(listed.map(([type]) => type))
  expect(makers.map(({ type }) => type).sort()).toEqual(listed.map(([type]) => type).sort())
})

describe.each(makers.map((maker) => [maker.type, maker] as const))('%s', (type, maker) => {
  const isEvent = events.has(type)

  it('makes what it accepts itself, addressed and with a deterministic id', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{1,64}$/), arbitraryDataOf(maker), (subject, data) => {
        const message = maker.of(subject, time, data)
        expect(message).toMatchObject({ type, version: maker.version, subject, time, data, id: `${subject}/${type}` })
        expect(maker.of(subject, time, data)).toEqual(message)
        expect(maker.of(subject, time, data, { detail: 'email' }).id).toBe(`${subject}/${type}/email`)
        expect(message.exchange).toBe(isEvent ? maker.exchange : '')
        if (isEvent) expect(message.routingKey.startsWith(type)).toBe(true)
        expect(() => encode(registry, message, 'a-service', {})).not.toThrow()
      }),
      { numRuns: 30 },
    )
  })

  it('is received as it was sent', () => {
    fc.assert(
      fc.property(arbitraryDataOf(maker), (data) => {
        const message = maker.of('order-1', time, data)
        const { id, subject } = message
        const received = decode(registry, deliveryOf(encode(registry, message, 'a-service', {}).body))
        expect(received).toEqual({ id, type, subject, time, source: '/a-service', data })
      }),
      { numRuns: 30 },
    )
  })

  it('takes fields of a later version, and names its own', () => {
    fc.assert(
      fc.property(arbitraryDataOf(maker), (data) => {
        const publication = encode(registry, maker.of('order-1', time, data), 'a-service', {})
        const envelope = JSON.parse(publication.body.toString())
        envelope.data.addedLater = { any: 'thing' }
        expect(decode(registry, deliveryOf(Buffer.from(JSON.stringify(envelope)))).data).toEqual(envelope.data)
        expect(envelope.dataschema).toBe(`urn:orders:${type}:${maker.version}`)
      }),
      { numRuns: 5 },
    )
  })

  it('says what it means in one sentence', () => {
    expect(maker.summary).toMatch(/^[A-Z].*\.?$/)
  })
})

it('a type is a noun and a verb in the past, or a command of one service', () => {
  const shape = new RegExp(`^(${contracts.services.join('|')})\\.[a-z]+(_[a-z]+)*$`)
  expect(makers.filter(({ type }) => !shape.test(type))).toEqual([])
})

it('no event carries a card: the payment token is the only thing about paying that travels', () => {
  const texts = makers.map(({ schema }) => JSON.stringify(schema))
  expect(texts.filter((text) => /"(card|cardNumber|pan|cvc|cvv|iban)"/i.test(text))).toEqual([])
})

describe.each(rpcs.map((rpc) => [rpc.type, rpc] as const))('the question %s', (_, rpc) => {
  it('accepts what its schemas describe, and nothing else', () => {
    fc.assert(
      fc.property(arbitraryOf(rpc.requestSchema), arbitraryOf(rpc.replySchema), (request, reply) => {
        expect(rpc.request().Check(request)).toBe(true)
        expect(rpc.reply().Check(reply)).toBe(true)
        expect(rpc.reply().Check(request)).toBe(false)
      }),
    )
    for (const orderId of ['', '../etc', 'a/b', 'a b', 'a..b', 'x'.repeat(65), 7, null])
      expect(rpc.request().Check({ orderId }), String(orderId)).toBe(false)
  })
})
