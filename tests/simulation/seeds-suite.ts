// Many seeds: in each, a dozen orders go through services that crash at every await sooner or later.
import { expect, it } from 'vitest'
import { commandFor } from './options.ts'
import { simulate } from './simulate.ts'

const PER_TEST = 20
export const ORDERS = 12

export function seedsSuite({ from, to, copies }: { from: number; to: number; copies: number }): void {
  const firsts = Array.from({ length: (to - from) / PER_TEST }, (_, index) => from + index * PER_TEST)

  it.each(firsts)(`nothing is wrong with the ${PER_TEST} seeds from %i`, async (first) => {
    let crashes = 0
    for (let seed = first; seed < first + PER_TEST; seed++) {
      const { violations, counts, options } = await simulate({ seed, orders: ORDERS, copies })
      expect(violations, `to repeat this run: ${commandFor(options)}`).toEqual([])
      crashes += counts.crashes
    }
    expect(crashes).toBeGreaterThan(PER_TEST)
  })
}
