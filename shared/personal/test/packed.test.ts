// What is packed before it is encrypted comes back to the letter, also when the dictionaries have become more.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createPacking } from '../packed.ts'

const [FIRST, SECOND] = ['{"name":"","lines":[{"sku":"","quantity":1}', '{"address":"","paragraphs":[["']
const LINES = JSON.stringify({ name: 'Ann', lines: [{ sku: 'cup', quantity: 1 }], note: 'x'.repeat(40) })

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.string({ maxLength: 100 }).map((text) => `\0${text}`),
  fc.json({ maxDepth: 4 }).map((text) => text.repeat(3)),
)

describe.each([
  ['without a dictionary', createPacking()],
  ['with two', createPacking([FIRST, SECOND])],
])('a packed text, %s', (_, { pack, unpack }) => {
  it('comes back as it was, and no two are the same bytes', () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(unpack(pack(one))).toBe(one)
        expect(pack(one).equals(pack(other))).toBe(one === other)
      }),
    )
  })

  it('is shorter where it is long', () => {
    expect(pack('Ann')).toEqual(Buffer.from('Ann'))
    expect(pack(LINES).length).toBeLessThan(LINES.length)
  })
})

it('is opened with the dictionary that it was packed with, after others were listed', () => {
  const all = [createPacking(), createPacking([FIRST]), createPacking([FIRST, SECOND])]
  const last = createPacking([FIRST, SECOND, 'a third'])
  expect(all.map(({ pack }) => last.unpack(pack(LINES)))).toEqual([LINES, LINES, LINES])
})

it('says so when only a later version has its dictionary', () => {
  const { pack } = createPacking([FIRST, SECOND])
  expect(() => createPacking([FIRST]).unpack(pack(LINES))).toThrow('dictionary 2, which only a later version has')
})
