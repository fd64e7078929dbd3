// The rules for the headers of W3C Trace Context, one row each, after the names in the W3C's own test suite (w3c/trace-context, test.py).
import { expect, it } from 'vitest'
import { nextTrace, traceIdOf } from '../trace.ts'

const TRACE = '12345678901234567890123456789012'
const PARENT = '1234567890123456'
const valid = `00-${TRACE}-${PARENT}-01`
const next = (traceparent: unknown, tracestate?: unknown) => nextTrace({ traceparent, tracestate })

it.each<[rule: string, traceparent: unknown]>([
  ['header missing', undefined],
  ['duplicated, as Node joins two', `${valid}, 00-${TRACE}-1234567890123457-01`],
  ['duplicated, as a list', [valid, valid]],
  ['version 0x00, with more', `${valid}.`],
  ['version 0x00, with more behind a hyphen', `${valid}-what-the-future-will-be-like`],
  ['version 0xcc, with more without a hyphen', `cc-${TRACE}-${PARENT}-01.what-the-future-will-be-like`],
  ['version 0xff', `ff-${TRACE}-${PARENT}-01`],
  ['version illegal characters', `.0-${TRACE}-${PARENT}-01`],
  ['version too long', `000-${TRACE}-${PARENT}-01`],
  ['version too short', `0-${TRACE}-${PARENT}-01`],
  ['trace_id all zero', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['trace_id illegal characters', `00-.${TRACE.slice(1)}-${PARENT}-01`],
  ['trace_id in capitals', `00-${'ABCDEF'.padEnd(32, '1')}-${PARENT}-01`],
  ['trace_id too long', `00-${TRACE}3-${PARENT}-01`],
  ['trace_id too short', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ['parent_id all zero', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['parent_id illegal characters', `00-${TRACE}-.${PARENT.slice(1)}-01`],
  ['parent_id too long', `00-${TRACE}-${PARENT}7-01`],
  ['parent_id too short', `00-${TRACE}-${PARENT.slice(1)}-01`],
  ['trace_flags illegal characters', `00-${TRACE}-${PARENT}-.0`],
  ['trace_flags too long', `00-${TRACE}-${PARENT}-001`],
  ['trace_flags too short', `00-${TRACE}-${PARENT}-1`],
  ['spaces within', `00-${TRACE}- ${PARENT}-01`],
])('a new trace begins, and no state is passed on: %s', (_, traceparent) => {
  const made = next(traceparent, 'foo=1')
  expect(made.traceparent).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-01$/)
  expect(made.traceparent).not.toContain(TRACE)
  expect(made).not.toHaveProperty('tracestate')
  expect(traceIdOf(traceparent)).toBeUndefined()
})

it.each<[rule: string, traceparent: string, flags: string]>([
  ['version 0x00', valid, '01'],
  ['version 0x01', `01-${TRACE}-${PARENT}-01`, '01'],
  ['version 0xcc', `cc-${TRACE}-${PARENT}-01`, '01'],
  ['version 0xcc, with more', `cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, '01'],
  ['not sampled', `00-${TRACE}-${PARENT}-00`, '00'],
  ['the id was drawn at random', `00-${TRACE}-${PARENT}-02`, '02'],
  ['bits that nobody knows are cleared', `00-${TRACE}-${PARENT}-ff`, '03'],
])('the trace goes on under a parent of ours: %s', (_, traceparent, flags) => {
  const made = next(traceparent)
  expect(made.traceparent).toMatch(new RegExp(`^00-${TRACE}-(?!0{16}|${PARENT})[0-9a-f]{16}-${flags}$`))
  expect(traceIdOf(traceparent)).toBe(TRACE)
})

const members = (count: number) => Array.from({ length: count }, (_, index) => `bar${index}=${index}`)
const long = (key: string, length: number) => `${key}=${'x'.repeat(length - key.length - 1)}`

it.each<[rule: string, tracestate: string, passedOn: string]>([
  ['one member', 'foo=1', 'foo=1'],
  ['several headers, as Node joins them', 'foo=1, bar=2', 'foo=1,bar=2'],
  ['empty members', 'foo=1,,bar=2, ', 'foo=1,bar=2'],
  ['optional white space', 'foo=1 \t , \t bar=2, \t baz=3', 'foo=1,bar=2,baz=3'],
  ['blanks within a value', 'foo=a b', 'foo=a b'],
  ['all characters of a key', 'foo_*/-9=1', 'foo_*/-9=1'],
  ['all characters of a value', 'foo=!"#$%&\'()*+-./:;<>?@[]^_`{|}~', 'foo=!"#$%&\'()*+-./:;<>?@[]^_`{|}~'],
  ['of two under one key the first', 'foo=1,bar=2,foo=3', 'foo=1,bar=2'],
  ['the longest key', `${'z'.repeat(256)}=1`, `${'z'.repeat(256)}=1`],
  ['the longest key of a tenant', `${'t'.repeat(241)}@${'v'.repeat(14)}=1`, `${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
  ['32 members', members(32).join(), members(32).join()],
  ['too much in all: the long ones go first', [long('a', 250), 'b=1', long('c', 250), long('d', 250)].join(), 'b=1'],
  [
    'still too much: the last ones go',
    ['a', 'b', 'c', 'd', 'e'].map((key) => long(key, 120)).join(),
    ['a', 'b', 'c', 'd'].map((key) => long(key, 120)).join(),
  ],
])('the state is passed on: %s', (_, tracestate, passedOn) => {
  expect(next(valid, tracestate).tracestate).toBe(passedOn)
})

it.each<[rule: string, tracestate: unknown]>([
  ['empty', ''],
  ['nothing but empty members', ', ,'],
  ['no text', 7],
  ['33 members', members(33).join()],
  ['a key that is too long', `${'z'.repeat(257)}=1`],
  ['a tenant that is too long', `${'t'.repeat(242)}@v=1`],
  ['a system that is too long', `t@${'v'.repeat(15)}=1`],
  ['a key without a tenant', '@foo=1'],
  ['a key without a system', 'foo@=1'],
  ['two signs in a key', 'foo@@bar=1'],
  ['a key in capitals', 'FOO=1'],
  ['a blank before the equals sign', 'foo =1'],
  ['an illegal character in a key', 'foo.bar=1'],
  ['no key', '=1'],
  ['no value', 'foo='],
  ['no equals sign', 'foo'],
  ['an equals sign in a value', 'foo=bar=baz'],
  ['a value that is too long', `foo=${'x'.repeat(257)}`],
  ['a line break', 'foo=\n1'],
  ['a value that is not ASCII', 'foo=ü'],
  ['one member out of form among others', 'foo=1,BAR=2'],
])('none of the state is passed on: %s', (_, tracestate) => {
  expect(next(valid, tracestate)).not.toHaveProperty('tracestate')
})
