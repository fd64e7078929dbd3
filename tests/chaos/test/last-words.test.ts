// Every end that nobody ordered needs a fatal line of its own.
import { expect, it } from 'vitest'
import type { LogLine } from '../../support/system.ts'
import { lastWordsIn } from '../last-words.ts'

const line = (level: number, msg: string): LogLine => ({ level, msg })
const fatal = (msg: string) => line(60, msg)

it('one fatal line explains one end, and the next end waits for the next line', async () => {
  const lines = [line(50, 'an error'), fatal('cannot start: disk full')]
  const lastWords = lastWordsIn(async () => lines)
  expect(await lastWords('order')).toContain('cannot start: disk full')
  expect(await lastWords('order')).toBeUndefined()
  lines.push(fatal('another'))
  expect(await lastWords('order')).toContain('another')
  expect(await lastWords('order')).toBeUndefined()
})

it('each service has its own lines', async () => {
  const lastWords = lastWordsIn(async (service) => [fatal(`of ${service}`)])
  expect(await lastWords('payment')).toContain('of payment')
  expect(await lastWords('order')).toContain('of order')
  expect(await lastWords('payment')).toBeUndefined()
})
