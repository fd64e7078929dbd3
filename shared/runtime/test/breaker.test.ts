// When an outside system is left alone, for how long, and how it is asked again.
import { beforeEach, expect, it } from 'vitest'
import { type Breaker, createBreaker } from '../breaker.ts'
import { TransientError } from '../errors.ts'

let nowMs: number
let breaker: Breaker

beforeEach(() => {
  nowMs = 0
  breaker = createBreaker({ name: 'provider', failuresMax: 2, openMs: 5_000, callsMax: 2, clockMs: () => nowMs })
})

const fails = (retryAfterSeconds = 0) =>
  breaker
    .call(async () => {
      throw new TransientError('throttled', 'too many calls', { isOutside: true, retryAfterSeconds })
    })
    .catch(({ code }: TransientError) => code)
const serves = () => breaker.call(async () => 'served').catch(({ code }: TransientError) => code)

it('leaves alone what fails, and asks by one call before all may ask again', async () => {
  expect([await fails(), await fails(), await serves()]).toEqual(['throttled', 'throttled', 'breaker_open'])
  nowMs = 5_000
  expect(breaker.state()).toBe('half_open')
  expect(await Promise.all([serves(), serves()])).toEqual(['served', 'breaker_open'])
  expect(await Promise.all([serves(), serves(), serves()])).toEqual(['served', 'served', 'calls_full'])
})

it('leaves it alone for as long as it says, also when it says so again', async () => {
  await fails()
  await fails(120)
  nowMs = 119_999
  expect(breaker.isOpen()).toBe(true)
  nowMs = 120_000
  expect(await fails(60)).toBe('throttled')
  nowMs = 179_999
  expect(breaker.isOpen()).toBe(true)
  nowMs = 180_000
  expect(await serves()).toBe('served')
})

it('believes no year', async () => {
  await fails(31_536_000)
  await fails(31_536_000)
  nowMs = 299_999
  expect(breaker.isOpen()).toBe(true)
  nowMs = 300_000
  expect(await serves()).toBe('served')
})

it('counts no failure that is not the system’s own', async () => {
  const bug = () => breaker.call(async () => Promise.reject(new TypeError('ours'))).catch(() => undefined)
  await bug()
  await bug()
  await bug()
  expect(breaker.isOpen()).toBe(false)
})
