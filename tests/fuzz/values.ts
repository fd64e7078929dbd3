// Values to throw at a program that describes its input by JSON schemas: what fits, what nearly fits, and what never could.
import fc from 'fast-check'
import { arbitraryOf } from '../contracts/arbitrary.ts'

/** Ids that come again and again, so that requests and messages meet things that exist. */
export const KNOWN_IDS = ['known', 'fuzz-1', 'fuzz-2', 'item1', 'soldout']

const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\ufeff',
  '\u202e\u200b',
  '💥'.repeat(60),
  'é'.normalize('NFD'),
  'a'.repeat(300),
  'a'.repeat(5_000),
  '../../etc/passwd',
  `'; drop table orders; --`,
  '" or ""="',
  '%00',
  '%s%n%x',
  '{{7*7}}',
  '<script>alert(1)</script>',
  'line\r\nbreak: yes',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'null',
  'NaN',
  '-1',
  '1e999',
  '9999-99-99T99:99:99Z',
  '0000-01-01T00:00:00Z',
]
const HOSTILE_NUMBERS = [-0, -1, 0.1, 1e308, -1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 63)]
/** As text, since only the parser of JSON makes own properties of such names. */
const HOSTILE_OBJECTS = [
  '{"__proto__":{"admin":true}}',
  '{"constructor":{"prototype":{"admin":true}}}',
  '{"toString":1,"valueOf":1,"hasOwnProperty":1,"length":-1}',
  '{"":""}',
].map((text): unknown => JSON.parse(text))

export const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
)

export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.constantFrom<unknown>(null, true, false, [], {}, [[]], [null], ...HOSTILE_NUMBERS, ...HOSTILE_OBJECTS),
  fc.jsonValue({ maxDepth: 3 }),
)

const knownId = fc.constantFrom(...KNOWN_IDS)
const isId = (name: string) => /^(id|orderId|sku|subject|notificationId|before)$/.test(name)

/** Fits the schema, mostly; ids are often known ones. */
export function fitting(schema: object, name = ''): fc.Arbitrary<unknown> {
  const value = arbitraryOf(schema)
  return isId(name) ? fc.oneof({ weight: 3, arbitrary: knownId }, { weight: 1, arbitrary: value }) : value
}

/** Would fit, but for one or two places anywhere inside. */
export function nearlyFitting(schema: object): fc.Arbitrary<unknown> {
  const place = fc.record({
    at: fc.nat(),
    by: hostileValue,
    how: fc.constantFrom('replace', 'remove', 'add', 'repeat'),
  })
  return fc
    .tuple(arbitraryOf(schema), fc.array(place, { minLength: 1, maxLength: 2 }))
    .map(([value, places]) => places.reduce(spoil, value))
}

interface Place {
  at: number
  by: unknown
  how: string
}

function spoil(value: unknown, { at, by, how }: Place): unknown {
  const whole: unknown = structuredClone(value)
  const holders = holdersIn(whole)
  const holder = holders[at % Math.max(1, holders.length)]
  if (!holder) return by
  const keys = Object.keys(holder)
  const key = keys[at % Math.max(1, keys.length)]
  if (how === 'add' || key === undefined) return withOwn(whole, holder, `added${at % 10}`, by)
  if (how === 'remove') Reflect.deleteProperty(holder, key)
  else if (how === 'repeat') withOwn(whole, holder, key, Array(300).fill(Reflect.get(holder, key)))
  else withOwn(whole, holder, key, by)
  return whole
}

function withOwn(whole: unknown, holder: object, key: string, value: unknown): unknown {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true })
  return whole
}

function holdersIn(value: unknown): object[] {
  return typeof value === 'object' && value !== null ? [value, ...Object.values(value).flatMap(holdersIn)] : []
}

const nested = (depth: number, open: string, close: string) => `${open.repeat(depth)}1${close.repeat(depth)}`

/** Bytes that claim to be JSON. */
export const hostileBytes: fc.Arbitrary<Buffer> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom(
      '',
      ' ',
      'null',
      '[]',
      '{}',
      '"text"',
      '{"user":"ann","items":["item1"]',
      '{"user":"ann","user":"bob","items":["item1"]}',
      '{"user":"ann","items":["item1"],"__proto__":{"admin":true}}',
      '{"user":"ann","items":[{"sku":"item1","quantity":1e999}]}',
      '{"user":"ann","items":[{"sku":"item1","quantity":1.0000000000000000000001}]}',
      '{"user":"\\ud800","items":["item1"]}',
      '{"user":"\\u0000","items":["item1"]}',
      "{'user':'ann'}",
      'NaN',
      '\ufeff{"user":"ann","items":["item1"]}',
      'user=ann&items=item1',
      nested(50_000, '[', ']'),
      nested(20_000, '{"a":', '}'),
      `{"items":[${Array(20_000).fill('"item1"').join(',')}]}`,
      `{${Array.from({ length: 5_000 }, (_, at) => `"k${at}":1`).join(',')}}`,
    )
    .map((text) => Buffer.from(text)),
  hostileValue.map((value) => Buffer.from(JSON.stringify(value) ?? 'undefined')),
)
