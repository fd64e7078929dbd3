// The long test files are where the list of them says.
import { expect, it } from 'vitest'
import { paths } from '../../../tests/architecture/source.ts'
import { LONG } from '../long-first.ts'

it('knows no file by a name that it has no longer', () => {
  expect(LONG.filter((name) => !paths.some((path) => path.startsWith(`tests/${name}`)))).toEqual([])
})
