// Some hundred seeds: in each, a dozen orders go through six services that crash at every await sooner or later.
import { expect, it } from 'vitest'
import { commandFor } from './options.ts'
import { simulate } from './simulate.ts'
import { worldsOf } from './worlds.ts'

const SEEDS = 200
const PER_TEST = 20
const ORDERS = 12

const firsts = Array.from({ length: SEEDS / PER_TEST }, (_, index) => index * PER_TEST)

it.each(firsts)(`nothing is wrong with the ${PER_TEST} seeds from %i`, async (first) => {
  let crashes = 0
  for (let seed = first; seed < first + PER_TEST; seed++) {
    const { violations, counts, options } = await simulate({ seed, orders: ORDERS, copies: seed % 4 === 0 ? 2 : 1 })
    expect(violations, `to see it again: ${commandFor(options)}`).toEqual([])
    crashes += counts.crashes
  }
  expect(crashes).toBeGreaterThan(PER_TEST)
})

it('the same seed is the same run, another seed another', async () => {
  const run = async (seed: number) => {
    const { hash, counts, outcomes, virtualMs } = await simulate({ seed, orders: ORDERS, copies: 1 })
    return { hash, counts, outcomes, virtualMs }
  }
  const first = await run(7)
  expect(await run(7)).toEqual(first)
  expect((await run(8)).hash).not.toBe(first.hash)
})

it('many orders are worlds of a thousand at most, the same for the same seed', () => {
  const worlds = worldsOf({ seed: 7, orders: 10_001, copies: 2 })
  expect(worlds.reduce((sum, { orders }) => sum + orders, 0)).toBe(10_001)
  expect(Math.max(...worlds.map(({ orders }) => orders))).toBeLessThanOrEqual(1_000)
  expect(new Set(worlds.map(({ seed }) => seed)).size).toBe(worlds.length)
  expect(worldsOf({ seed: 7, orders: 10_001, copies: 2 })).toEqual(worlds)
  expect(worldsOf({ seed: 8, orders: 10_001, copies: 2 })).not.toEqual(worlds)
  expect(worldsOf({ seed: 7, orders: 1_000, copies: 1 })).toEqual([{ seed: 7, orders: 1_000, copies: 1 }])
})
