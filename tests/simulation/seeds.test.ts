// Some hundred seeds with one process of each service; and that a seed is a run.
import { expect, it } from 'vitest'
import { ORDERS, seedsSuite } from './seeds-suite.ts'
import { simulate } from './simulate.ts'
import { worldsOf } from './worlds.ts'

seedsSuite({ from: 0, to: 140, copies: 1 })

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
