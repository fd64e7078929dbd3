// The chain covers each field, and tells them apart; what a group adds stands in the order in which it came.
import { expect, it } from 'vitest'
import { add, additionsOf, entriesAfter, entryAfter, GENESIS, type Log, verify } from '../domain.ts'
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
  expect(entriesAfter(GENESIS, additionsOf(third))).toEqual(entriesOf([a, b]))
  expect(entriesAfter(GENESIS, additionsOf(first))).toEqual(entriesOf([a]))
  expect(additionsOf(empty)).toEqual([])
})
