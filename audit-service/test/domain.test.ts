// What a group adds stands in the order in which it came, each once; and a leaf covers all that is kept of an entry.
import { expect, it } from 'vitest'
import { keyOf } from '../block.ts'
import { add, additionsOf, entriesAfter, entryAfter, identityOf, isRepeat, type Log } from '../domain.ts'
import { leafDataOf, leafHashOf } from '../proof/leaf.ts'
import { entriesOf, event, NOW } from './keeping.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

it('a leaf is the same for the same entry, whatever its place, and another one for any other', () => {
  const kept = { receivedAt: NOW, causationId: 'b', traceId: null, body: '{}' }
  const others = [
    { receivedAt: '2020' },
    { causationId: null },
    { causationId: '-' },
    { traceId: TRACE },
    { body: '{} ' },
  ]
  const hashes = [{}, ...others].map((other) => leafHashOf({ ...kept, ...other }).toString('hex'))
  expect(new Set(hashes).size).toBe(hashes.length)
  expect(leafDataOf({ ...kept, causationId: null })).toBe(
    `${NOW}\n-\n44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n`,
  )
  expect(leafDataOf({ ...kept, traceId: TRACE }).split('\n')).toEqual([
    NOW,
    expect.any(String),
    expect.any(String),
    TRACE,
    '',
  ])
  expect(entryAfter(0, event('a'), NOW).hash).toBe(entryAfter(6, event('a'), NOW).hash)
})

it('a leaf fits into an entry bundle, however large the entry is', () => {
  const large = leafDataOf({
    ...{ receivedAt: NOW, causationId: 'x'.repeat(100_000), traceId: TRACE },
    body: 'x'.repeat(1_000_000),
  })
  expect(large.length).toBeLessThan(200)
})

it('a group adds each event once, and a log that was added to is what it was', () => {
  const [a, b] = [event('a'), event('b')]
  const empty: Log = { head: 0 }
  const first = add(empty, a, NOW)
  const third = add(add(first, b, NOW), a, NOW)
  expect(entriesAfter(0, additionsOf(third))).toEqual({ entries: entriesOf([a, b]), conflicts: [] })
  expect(entriesAfter(0, additionsOf(first))).toEqual({ entries: entriesOf([a]), conflicts: [] })
  expect(additionsOf(empty)).toEqual([])
})

it('looks for an event where every version has looked', () => {
  const identity = identityOf({ subject: 'v1', source: '/payment-service', id: 'v1/payment.success' })
  expect(keyOf(7, identity)).toBe(1_898_888)
})

it.each<[what: string, other: object, isOne: boolean]>([
  ['the same bytes', {}, true],
  ['another time', { time: '2026-11-22T00:00:00Z' }, true],
  ['its fields in another order', { data: { lines: [{ b: 2, a: 1 }], total: 1 } }, true],
  ['other data', { data: { total: 2, lines: [{ a: 1, b: 2 }] } }, false],
  ['less data', { data: { total: 1 } }, false],
  ['another type', { type: 'order.paid' }, false],
  ['another version', { dataschema: 'urn:orders:order.created:2' }, false],
])('is the same event or not: %s', (_, other, isOne) => {
  const body = { id: 'a', type: 'order.created', time: NOW, data: { total: 1, lines: [{ a: 1, b: 2 }] } }
  expect(isRepeat(JSON.stringify(body), JSON.stringify({ ...body, ...other }))).toBe(isOne)
})

it('takes what is nested too deep to compare for another event', () => {
  const deep = (end: string) => `{"data":${'['.repeat(100_000)}${end}${']'.repeat(100_000)}}`
  expect(isRepeat(deep('1'), deep('1'))).toBe(true)
  expect(isRepeat(deep('1'), deep('1 '))).toBe(false)
})
