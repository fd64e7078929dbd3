// The AsyncAPI document is a valid one, by the judgement of its own parser.
import { Parser } from '@asyncapi/parser'
import { expect, it } from 'vitest'
import { asyncApi } from '../../scripts/generate/asyncapi.ts'

it('the AsyncAPI document is valid', async () => {
  const diagnostics = await new Parser().validate(JSON.stringify(asyncApi()))
  expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([])
  // The parser compiles the whole AsyncAPI schema first.
}, 30_000)
