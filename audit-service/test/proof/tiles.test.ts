// The names of tiles, by the examples of C2SP tlog-tiles.
import { expect, it } from 'vitest'
import { bundleOf, tileNamed, tilePath, widthIn } from '../../proof/tiles.ts'

it.each([
  ['0/x001/x234/067', { level: 0, number: 1_234_067, width: 256 }],
  ['1/000', { level: 1, number: 0, width: 256 }],
  ['2/000.p/1', { level: 2, number: 0, width: 1 }],
  ['0/273.p/112', { level: 0, number: 273, width: 112 }],
  ['entries/x001/000.p/255', { level: 'entries', number: 1_000, width: 255 }],
] as const)('%s', (path, name) => {
  expect(tileNamed(path)).toEqual(name)
  expect(tilePath(name)).toBe(path)
})

it.each([
  '',
  '0',
  '0/0',
  '0/x000/001',
  '0/001/002',
  '64/000',
  '00/000',
  '0/000.p/0',
  '0/000.p/256',
  '0/000.p/01',
  'data/000',
  '0/x001',
  `0/${'x001/'.repeat(5)}001`,
])('%s names no tile', (path) => expect(tileNamed(path)).toBeUndefined())

it('a tree of 70,000 has the tiles that C2SP lists', () => {
  const widths = (level: number, ...numbers: number[]) => numbers.map((number) => widthIn(70_000, level, number))
  expect(widths(0, 0, 272, 273, 274)).toEqual([256, 256, 112, 0])
  expect(widths(1, 0, 1, 2)).toEqual([256, 17, 0])
  expect(widths(2, 0, 1)).toEqual([1, 0])
  expect(widths(3, 0)).toEqual([0])
  expect(widthIn(256, 1, 0)).toBe(1)
})

it('a bundle is each entry after its length', () => {
  expect(bundleOf(['a', 'bé'])).toEqual(Buffer.from('\u0000\u0001a\u0000\u0003bé'))
})
