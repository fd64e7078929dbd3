// The checks can fail: each of them is the first to object to some mutant.
import { expect, it } from 'vitest'
import { kernelMutants } from './mutants/kernel.ts'
import { serviceMutants } from './mutants/services.ts'
import { type Report, simulate } from './simulate.ts'

const ORDERS = 12
const SEEDS = 15
const mutants = [...kernelMutants, ...serviceMutants]

const objecting = ({ violations }: Report) => [...new Set(violations.map(({ check }) => check))]

it.each(mutants.map(({ name, ...mutant }) => [name, mutant] as const))('finds %s', async (_, mutant) => {
  const { tamper, foundBy } = mutant
  const first: unknown[] = []
  // The seed shows it at once, until the system changes and its runs with it.
  for (let seed = mutant.seed; seed < mutant.seed + SEEDS && first.at(-1) !== foundBy; seed++)
    first.push(objecting(await simulate({ seed, orders: ORDERS, copies: 1, tamper })).at(0))
  expect(first.at(-1)).toBe(foundBy)
})

it('has a mutant for each check', async () => {
  const { checks } = await simulate({ seed: 1, orders: ORDERS, copies: 1 })
  const found = new Set(mutants.map(({ foundBy }) => foundBy))
  expect(checks.map(({ name }) => name).filter((name) => !found.has(name))).toEqual([])
})
