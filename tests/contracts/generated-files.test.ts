// Generated files say what the code says now, and the AsyncAPI document is a valid one.
import { readFile } from 'node:fs/promises'
import { Parser } from '@asyncapi/parser'
import { expect, it } from 'vitest'
import { asyncApi } from '../../scripts/generate/asyncapi.ts'
import { generated } from '../../scripts/generate/files.ts'

it('every generated file is up to date (npm run generate writes them)', async () => {
  for (const [path, text] of await generated()) expect(await readFile(path, 'utf8'), path).toBe(text)
})

it('the AsyncAPI document is valid', async () => {
  const diagnostics = await new Parser().validate(JSON.stringify(asyncApi()))
  expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([])
  // The parser compiles the whole AsyncAPI schema first.
}, 30_000)
