// W3C Trace Context: one trace from the first request to the last notification.
import { describe, expect, it } from 'vitest'
import { nextTrace } from '../trace.ts'

const FORM = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const next = (traceparent: unknown, tracestate?: unknown) => nextTrace({ traceparent, tracestate })

describe('nextTrace', () => {
  it('goes on with a trace under a new parent id, and keeps its sampling', () => {
    const { traceparent } = next(`00-${TRACE}-b7ad6b7169203331-00`)
    expect(traceparent).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-00$`))
    expect(traceparent).not.toContain('b7ad6b7169203331')
  })

  it.each([`01-${TRACE}-b7ad6b7169203331-01`, `cc-${TRACE}-b7ad6b7169203331-01-what-the-future-says`])(
    'goes on with one of a later version, as far as it is known: %s',
    (parent) => expect(next(parent).traceparent).toContain(TRACE),
  )

  it.each([
    undefined,
    null,
    7,
    '',
    'garbage',
    '00-short-b7ad6b7169203331-01',
    ['00'],
    `ff-${TRACE}-b7ad6b7169203331-01`,
    `00-${TRACE}-b7ad6b7169203331-01-more`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
    `00-${TRACE.toUpperCase()}-b7ad6b7169203331-01`,
  ])('begins a new one for %j', (parent) => {
    const one = FORM.exec(next(parent).traceparent)
    const other = FORM.exec(next(parent).traceparent)
    expect(one).not.toBeNull()
    expect(one?.[1]).not.toBe(other?.[1])
    expect(one?.[1]).not.toBe('0'.repeat(32))
  })

  it('passes the state of its trace on, and that of no other', () => {
    const parent = `00-${TRACE}-b7ad6b7169203331-01`
    expect(next(parent, 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE').tracestate).toBe(
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    )
    expect(next('garbage', 'rojo=1').tracestate).toBeUndefined()
    for (const state of [7, ['a=1'], `a=${'x'.repeat(600)}`, 'a=\n1', ''])
      expect(next(parent, state)).not.toHaveProperty('tracestate')
  })
})
