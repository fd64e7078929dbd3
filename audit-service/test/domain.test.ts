// The chain covers each field, and tells them apart; what a group adds stands in the order in which it came.
import { expect, it } from 'vitest'
import { keyOf } from '../block.ts'
import {
  add,
  additionsOf,
  entriesAfter,
  entryAfter,
  GENESIS,
  identityOf,
  isRepeat,
  type Log,
  verify,
} from '../domain.ts'
import { entriesOf, event, NOW } from './keeping.ts'

const one = entryAfter(GENESIS, { ...event('a'), source: '/x' }, NOW)

it('cannot be read in two ways: a text moved from one field to the next is another entry', () => {
  expect(verify(GENESIS, [one])).toMatchObject({ ok: true })
  expect(verify(GENESIS, [{ ...one, subject: '1/', source: 'x' }])).toMatchObject({ ok: false, why: 'changed' })
})

it.each(Object.keys(one))('covers the %s', (field) => {
  const changed = { ...one, [field]: field === 'sequence' ? 2 : 'another' }
  expect(verify(GENESIS, [changed])).toMatchObject({ ok: false, brokenAt: 1 })
})

it('a group adds each event once, and a log that was added to is what it was', () => {
  const [a, b] = [event('a'), event('b')]
  const empty: Log = { head: GENESIS }
  const first = add(empty, a, NOW)
  const third = add(add(first, b, NOW), a, NOW)
  expect(entriesAfter(GENESIS, additionsOf(third))).toEqual({ entries: entriesOf([a, b]), conflicts: [] })
  expect(entriesAfter(GENESIS, additionsOf(first))).toEqual({ entries: entriesOf([a]), conflicts: [] })
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
